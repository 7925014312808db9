package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// The tests of this file and of vite_test.go install packages/client as an app does: from the archive that npm packs.

// npmApp packs and installs the package, and returns the folder of an app that has it. The folder has the files of
// testdata/npm and, in vite, those of examples/vite.
func npmApp(t *testing.T) string {
	t.Helper()
	folder, err := npmFolder()
	if errors.Is(err, exec.ErrNotFound) {
		const missing = "the tests of the npm package need Node.js and npm: apt-get install -y nodejs npm"
		if os.Getenv("CI") == "true" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	if err != nil {
		t.Fatal(err)
	}
	return folder
}

var npmFolder = sync.OnceValues(func() (string, error) {
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			return "", err
		}
	}
	folder := filepath.Join(scratch, "npm")
	for source, target := range map[string]string{"testdata/npm": "", "../examples/vite": "vite", "../packages/client": "client"} {
		if err := copySources(source, filepath.Join(folder, target)); err != nil {
			return "", err
		}
	}
	const quiet = "--no-audit --no-fund --ignore-scripts --prefer-offline --loglevel=error"
	if err := downloads(folder, "npm ci "+quiet); err != nil {
		return "", err
	}
	if _, err := inFolder(folder, "npm pack ./client --loglevel=error"); err != nil {
		return "", err
	}
	archives, err := filepath.Glob(filepath.Join(folder, "*.tgz"))
	if err != nil || len(archives) != 1 {
		return "", fmt.Errorf("npm packed %q (%w)", archives, err)
	}
	return folder, downloads(folder, "npm install --no-save "+quiet+" ./"+filepath.Base(archives[0]))
})

// downloads runs a command that asks npm's registry, again if it fails: the registry may not answer once.
func downloads(folder, command string) (err error) {
	for attempt := range 3 {
		time.Sleep(time.Duration(attempt) * 5 * time.Second)
		if _, err = inFolder(folder, command); err == nil {
			return nil
		}
	}
	return err
}

// copySources copies a folder's files, without what an app has installed or built there.
func copySources(source, target string) error {
	return filepath.WalkDir(source, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(source, path)
		if err != nil {
			return err
		}
		if !entry.IsDir() {
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(target, name), content, 0o600)
		}
		if entry.Name() == "node_modules" || entry.Name() == "dist" {
			return filepath.SkipDir
		}
		return os.MkdirAll(filepath.Join(target, name), 0o755)
	})
}

// inFolder runs a command, whose words have spaces between them, and returns what it prints to its standard output.
func inFolder(folder, command string) (string, error) {
	words := strings.Fields(command)
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Dir = folder
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%s: %w\n%s%s", command, err, out, &errs)
	}
	return string(out), err
}

// TestNPMArchive tests that the archive has what its package.json promises, and nothing else.
func TestNPMArchive(t *testing.T) {
	t.Parallel()
	installed := filepath.Join(npmApp(t), "node_modules/@motacilla/client")
	entries, err := os.ReadDir(installed)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	want := []string{
		"LICENSE", "README.md", "element.d.ts", "element.js", "index.d.ts", "index.js", "package.json", "react.d.ts",
		"shared.js", "types.d.ts",
	}
	if !slices.Equal(got, want) {
		t.Errorf("the archive has\n%q, want\n%q", got, want)
	}
}

// TestNPMExampleHasTheTestedVersions compares the example's tools with those that the tests install.
func TestNPMExampleHasTheTestedVersions(t *testing.T) {
	t.Parallel()
	tools := func(file string) map[string]string {
		var app struct{ DevDependencies map[string]string }
		text, err := os.ReadFile(file)
		if err == nil {
			err = json.Unmarshal(text, &app)
		}
		if err != nil {
			t.Fatal(err)
		}
		return app.DevDependencies
	}
	tested := tools("testdata/npm/package.json")
	for name, version := range tools("../examples/vite/package.json") {
		if tested[name] != version {
			t.Errorf("the example has %s %s, and the tests have %q", name, version, tested[name])
		}
	}
}

// TestNPMTypes compiles an app that is strict, with what the guides quote. The package's own declarations are checked too.
func TestNPMTypes(t *testing.T) {
	t.Parallel()
	folder := npmApp(t)
	for _, guide := range []string{"docs/any-page.md", "packages/client/README.md"} {
		page, err := os.ReadFile("../" + guide)
		if err != nil {
			t.Fatal(err)
		}
		quotes := strings.Split(string(page), "```ts\n")[1:]
		if len(quotes) == 0 {
			t.Errorf("%s quotes nothing", guide)
		}
		for i, quote := range quotes {
			code, _, _ := strings.Cut(quote, "```")
			name := fmt.Sprintf("%s-%d.ts", strings.TrimSuffix(filepath.Base(guide), ".md"), i+1)
			if err := os.WriteFile(filepath.Join(folder, "types", name), []byte(code), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := inFolder(folder, "node node_modules/typescript/bin/tsc -p ."); err != nil {
		t.Error(err)
	}
}

// TestNPMFollowInNode follows a channel in Node.js, where there is no browser, over each transport that works there.
func TestNPMFollowInNode(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	folder := npmApp(t)
	s := newForeign(t).serveTo(t, everyTransport...)
	s.post("one")
	for _, name := range []string{"sse", "long-polling", "interval-polling"} {
		t.Run(name, func(t *testing.T) {
			p := node(t, folder, nil, "follow.mjs", "http://"+s.addr, string(channel), name)
			p.says(`["one"]`)
			two := s.post("two")
			p.says(`["two","one"]`)
			s.edit(two, text{"text": "two, edited"})
			p.says(`["two, edited","one"]`)
			s.remove(two)
			p.says(`["one"]`)
			p.ends() // follower.stop leaves nothing that keeps the process alive
		})
	}
}

// TestNPMFollowInNodeResumes restarts the server under a follower in Node.js.
func TestNPMFollowInNodeResumes(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	folder := npmApp(t)
	s := serve(t, "")
	s.post("one")
	p := node(t, folder, nil, "follow.mjs", "http://"+s.addr, string(channel), "sse")
	p.says(`["one"]`)
	s.post("right before")
	p.says(`["right before","one"]`)
	s.stop()
	s.start()
	s.post("right after")
	p.says(`["right after","right before","one"]`)
	p.ends()
}

func TestNPMSnapshot(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	folder := npmApp(t)
	s := serve(t, "")
	s.post("one")
	out, err := inFolder(folder, "node snapshot.mjs http://"+s.addr)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Revision                                                     map[string]int64
		HTML, None, Ended, NoReset, NoServer, NoChannel, NoTransport string
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var head struct{ Revision int64 }
	s.api("GET", "channels/"+string(channel), nil, &head)
	for _, transport := range []string{"interval-polling", "long-polling", "sse", "any"} {
		if got.Revision[transport] != head.Revision {
			t.Errorf("over %s the snapshot is of revision %d, want %d", transport, got.Revision[transport], head.Revision)
		}
	}
	const wrapper = `<div class="live-post-wrapper" role="article" tabindex="-1" data-created="2026-05-01T12:0%d:00.000000Z"` +
		` data-modified="2026-05-01T12:00:00.000000Z" data-revision="%d" data-pinned="false"><p>%s</p></div>` + "\n"
	want := `<div data-channel="a" data-revision="7" data-complete="false" data-title="&quot;Cup&quot; &amp; &lt;b&gt;">` + "\n" +
		fmt.Sprintf(wrapper, 1, 6, "two") + fmt.Sprintf(wrapper, 0, 5, "one") + `</div>`
	if got.HTML != want {
		t.Errorf("the HTML is\n%s, want\n%s", got.HTML, want)
	}
	for said, begins := range map[string]string{
		got.None: "404 true", got.Ended: "AbortError", got.NoReset: "TypeError: snapshotHTML takes an update with reset",
		got.NoServer:    `TypeError: src must be the URL of a server, such as https://live.example.org, not "live.example.org"`,
		got.NoChannel:   "TypeError: channel must be",
		got.NoTransport: "TypeError: only must name transports, not pigeon; there are sse,",
	} {
		if !strings.HasPrefix(said, begins) {
			t.Errorf("it says %q, want %q", said, begins)
		}
	}
}
