package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Each case is a package that go test runs here.
func TestReport(t *testing.T) {
	for name, tt := range map[string]struct {
		source string
		strict bool
		ok     bool
		want   []string // in this order
		not    []string
	}{
		"all pass": {
			source: `func TestA(t *testing.T) { t.Log("noise") }`, ok: true,
			want: []string{"ok  \texample.org/m\t"}, not: []string{"noise", "FAIL"},
		},
		"one of two fails": {
			source: `func TestA(t *testing.T) { t.Log("noise") }
				func TestB(t *testing.T) { t.Run("sub", func(t *testing.T) { t.Error("the ball is flat") }) }`,
			want: []string{"--- FAIL: example.org/m TestB/sub\n", "the ball is flat", "FAIL\texample.org/m", "FAILED:\n",
				"example.org/m TestB/sub: ", "the ball is flat\n"},
			not: []string{"noise", "FAIL: example.org/m TestB\n"},
		},
		"a double that fails on purpose": {
			source: `func TestDouble(t *testing.T) { println("--- FAIL: TestBroken"); println("broken"); t.Log("--- FAIL: TestBroken") }`,
			ok:     true, want: []string{"ok  \t"}, not: []string{"FAIL", "broken"},
		},
		"a panic": {
			source: `func TestA(t *testing.T) { panic("the roof is gone") }`,
			want:   []string{"--- FAIL: example.org/m TestA", "panic: the roof is gone", "FAILED:\n", "example.org/m TestA"},
		},
		"TestMain fails": {
			source: `func TestMain(m *testing.M) { m.Run(); println("something is left"); os.Exit(1) }
				func TestA(t *testing.T) {}`,
			want: []string{"--- FAIL: example.org/m\n", "something is left", "FAILED:\n"},
		},
		"it does not compile": {
			source: `func TestA(t *testing.T) { t.Nonsense() }`,
			want:   []string{"t.Nonsense undefined", "FAILED:\n", "example.org/m: "},
		},
		"a skipped test":         {source: `func TestA(t *testing.T) { t.Skip("no ball") }`, ok: true, want: []string{"ok  \t"}},
		"a skipped test, strict": {source: `func TestA(t *testing.T) { t.Skip("no ball") }`, strict: true, want: []string{"TestA was skipped", "no ball"}},
		"nothing is tested":      {source: `syntax error`, want: []string{"FAILED:"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			head := "package m\n\nimport (\"os\"; \"testing\")\n\nvar _ = os.Exit\n\n"
			for file, text := range map[string]string{"go.mod": "module example.org/m\n", "m_test.go": head + tt.source} {
				if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			test := exec.CommandContext(t.Context(), "go", "test", "-json", "-vet=off", "./...")
			test.Dir = dir
			test.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-mod=mod")
			events, _ := test.Output() // the events say whether it failed
			var out strings.Builder
			ok, err := report(strings.NewReader(string(events)), &out, tt.strict)
			if err != nil || ok != tt.ok {
				t.Errorf("ok is %v, %v", ok, err)
			}
			rest := out.String()
			for _, want := range tt.want {
				_, after, found := strings.Cut(rest, want)
				if !found {
					t.Errorf("%q is missing, or in another place, in:\n%s", want, &out)
					break
				}
				rest = after
			}
			for _, not := range tt.not {
				if strings.Contains(out.String(), not) {
					t.Errorf("%q is in:\n%s", not, &out)
				}
			}
		})
	}
}
