package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// event is a line of `go test -json` (go doc test2json).
type event struct {
	Action, Package, Test, Output string
	ImportPath                    string // of a build
	FailedBuild                   string // the build that made the package fail
	Elapsed                       float64
}

// most is how many lines of one test are printed from the beginning of its output, and how many from the end.
const most = 100

// tests has what the tests of a package print, until each has passed. The name "" is the package itself.
type tests map[string]*strings.Builder

// reporter reads events and prints a report.
type reporter struct {
	out      io.Writer
	strict   bool
	packages map[string]tests
	builds   map[string]*strings.Builder // by import path
	tested   int
	failed   []string // a line for each failure
}

// report prints the report of all events in in. It returns false if a test failed, or no package was tested.
func report(in io.Reader, out io.Writer, strict bool) (ok bool, err error) {
	r := &reporter{out: out, strict: strict, packages: make(map[string]tests), builds: make(map[string]*strings.Builder)}
	decoder := json.NewDecoder(in)
	for {
		var e event
		if err := decoder.Decode(&e); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return false, err
		}
		r.take(e)
	}
	for name := range r.packages {
		r.fails(event{Package: name}, "did not end") // go test was killed
	}
	if r.tested == 0 {
		r.failed = append(r.failed, "no package was tested")
	}
	if len(r.failed) > 0 {
		fmt.Fprintf(out, "\nFAILED:\n  %s\n", strings.Join(r.failed, "\n  "))
	}
	return len(r.failed) == 0, nil
}

func (r *reporter) take(e event) {
	switch e.Action {
	case "build-output":
		add(r.builds, e.ImportPath, e.Output)
		return
	case "build-fail":
		return
	}
	if r.packages[e.Package] == nil {
		r.packages[e.Package] = make(tests)
	}
	running := r.packages[e.Package]
	switch {
	case e.Action == "start":
	case e.Action == "run":
		add(running, e.Test, "")
	case e.Action == "output":
		if !framing(e.Output) {
			add(running, e.Test, e.Output)
		}
	case e.Test != "":
		r.testEnds(running, e)
	case e.Action == "pass", e.Action == "skip", e.Action == "fail":
		r.packageEnds(e)
	}
}

// testEnds forgets what a test printed that passed, and prints it if the test failed.
func (r *reporter) testEnds(running tests, e event) {
	switch {
	case e.Action == "pass", e.Action == "skip" && !r.strict:
	case e.Action == "skip":
		r.failure(e.Package+" "+e.Test+" was skipped", running[e.Test])
	case e.Action == "fail":
		r.failure(e.Package+" "+e.Test, running[e.Test])
	default: // pause, cont
		return
	}
	delete(running, e.Test)
}

func (r *reporter) packageEnds(e event) {
	if e.Action == "fail" {
		r.fails(e, "")
		return
	}
	r.tested++
	if e.Action == "skip" {
		fmt.Fprintf(r.out, "?   \t%s\t[no test files]\n", e.Package)
	} else if said := r.packages[e.Package][""]; said != nil {
		fmt.Fprint(r.out, last(said.String())) // go test's own "ok" line
	}
	delete(r.packages, e.Package)
}

// fails reports a package that failed: tests in it that did not end, such as one that panicked, else the package's own
// output, if no test of it was reported.
func (r *reporter) fails(e event, why string) {
	running := r.packages[e.Package]
	r.tested++
	before := len(r.failed)
	reported := slices.ContainsFunc(r.failed, func(line string) bool { return strings.HasPrefix(line, e.Package+" ") })
	for _, name := range slices.Sorted(maps.Keys(running)) {
		if name != "" {
			r.failure(e.Package+" "+name+" did not end", running[name])
		}
	}
	if !reported && len(r.failed) == before {
		said := running[""]
		if build := r.builds[e.FailedBuild]; build != nil {
			said = build
		}
		r.failure(strings.TrimSpace(e.Package+" "+why), said)
	}
	fmt.Fprintf(r.out, "FAIL\t%s\t%.3fs\n", e.Package, e.Elapsed)
	delete(r.packages, e.Package)
}

// failure prints a failure and what was said about it.
func (r *reporter) failure(what string, said *strings.Builder) {
	text := ""
	if said != nil {
		text = strings.TrimRight(said.String(), "\n")
	}
	// A test whose subtests failed has nothing to say itself.
	if text == "" && slices.ContainsFunc(r.failed, func(line string) bool { return strings.HasPrefix(line, what+"/") }) {
		return
	}
	lines := strings.Split(text, "\n")
	if len(lines) > 2*most {
		left := fmt.Sprintf("    ... %d lines are left out ...", len(lines)-2*most)
		lines = slices.Concat(lines[:most], []string{left}, lines[len(lines)-most:])
	}
	fmt.Fprintf(r.out, "\n--- FAIL: %s\n%s\n\n", what, strings.Join(lines, "\n"))
	line := what
	if text != "" {
		line += ": " + strings.TrimSpace(lines[0])
	}
	r.failed = append(r.failed, line)
}

// framing reports whether go test printed the line about a test, and not the test itself.
func framing(line string) bool {
	line = strings.TrimLeft(line, " ")
	for _, word := range []string{"=== RUN ", "=== PAUSE ", "=== CONT ", "=== NAME ", "--- PASS: ", "--- FAIL: ", "--- SKIP: "} {
		if strings.HasPrefix(line, word) {
			return true
		}
	}
	return line == "PASS\n" || line == "FAIL\n"
}

func add(said map[string]*strings.Builder, name, text string) {
	if said[name] == nil {
		said[name] = new(strings.Builder)
	}
	said[name].WriteString(text)
}

// last returns the last line.
func last(text string) string {
	lines := strings.SplitAfter(strings.TrimSuffix(text, "\n"), "\n")
	return lines[len(lines)-1] + "\n"
}
