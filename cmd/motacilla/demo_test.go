package main

import (
	"os"
	"os/exec"
	"regexp"
	"runtime/debug"
	"strings"
	"testing"
)

// The command that the demo prints for writing a post works as it is copied, by whatever name the demo was started.
func TestDemoPrintsACommandThatWorks(t *testing.T) {
	cmd := program(t, "demo", "--server.addr", "127.0.0.1:0")
	out := newLines()
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := out.await(t, "Ctrl-C ends the demo")
	line := regexp.MustCompile(`Write a post: +(.*)`).FindStringSubmatch(said)
	if line == nil {
		t.Fatalf("no command in %s", said)
	}
	copied := exec.CommandContext(t.Context(), "sh", "-c", line[1])
	copied.Env, copied.Dir = cmd.Env, cmd.Dir
	if answer, err := copied.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", line[1], err, answer)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("after an interrupt: %v\n%s", err, out.text)
	}
}

func TestProgramName(t *testing.T) {
	dir := t.TempDir()
	cached := "/home/ada/.cache/go-build/6f/" + strings.Repeat("6f", 32) + "-d/motacilla"
	from := &debug.BuildInfo{Path: "example.org/m/cmd/m", Main: debug.Module{Version: "(devel)"}}
	t.Chdir(dir)
	for path, want := range map[string]string{
		"motacilla":                            "motacilla",
		"./bin/motacilla":                      "./bin/motacilla",
		"/a folder/bin/motacilla":              "'/a folder/bin/motacilla'",
		"/tmp/go-build1234/b001/exe/motacilla": "go run example.org/m/cmd/m",
		cached:                                 "go run example.org/m/cmd/m",
	} {
		if got := programName(path, from); got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
	from.Main.Version = "v1.2.3"
	if got := programName(cached, from); got != "go run example.org/m/cmd/m@v1.2.3" {
		t.Errorf("of a version it is %s", got)
	}
	if err := os.MkdirAll(dir+"/cmd/m", 0o700); err != nil {
		t.Fatal(err)
	}
	if got := programName(cached, from); got != "go run ./cmd/m" {
		t.Errorf("in a clone it is %s", got)
	}
}
