package main

import (
	"bytes"
	"flag"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

var update = flag.Bool("update", false, "write testdata anew")

// every visits each command except cobra's help.
func every(cmd *cobra.Command, visit func(*cobra.Command)) {
	visit(cmd)
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() && c.Name() != "help" {
			every(c, visit)
		}
	}
}

// keyFlag is the line of a configuration key. The test of the reference checks those.
var keyFlag = regexp.MustCompile(`(?m)^ +--([a-z_-]+\.[a-z0-9_.-]+|publishers|receivers) .*\n`)

// columns is the space between a flag and its text. It depends on the keys' lengths.
var columns = regexp.MustCompile(`(?m)^( +-.*?) {3,}`)

// The help of every command is as in testdata/help. -update writes the files again; read them as a stranger would.
func TestHelp(t *testing.T) {
	seen := map[string]bool{}
	every(command(nil, io.Discard, io.Discard), func(cmd *cobra.Command) {
		path := strings.Fields(cmd.CommandPath())[1:]
		var out bytes.Buffer
		if code := run(append(append([]string{}, path...), "--help"), nil, &out, &out); code != 0 {
			t.Errorf("%s --help = %d", cmd.CommandPath(), code)
		}
		got := columns.ReplaceAllString(keyFlag.ReplaceAllString(out.String(), ""), "$1   ")
		name := filepath.Join("testdata", "help", strings.Join(append([]string{"motacilla"}, path...), "-")+".txt")
		seen[name] = true
		if *update {
			if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(name)
		if err != nil || string(want) != got {
			t.Errorf("%s --help is not what %s says (%v); read it, and run this test with -update:\n%s", cmd.CommandPath(), name, err, got)
		}
	})
	files, err := filepath.Glob("testdata/help/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if !seen[name] {
			t.Errorf("%s is of no command; remove it", name)
		}
	}
}

// Every command has what a stranger needs.
func TestCommandsAreWhole(t *testing.T) {
	docs, err := os.ReadFile("../../docs/command-line.md")
	if err != nil {
		t.Fatal(err)
	}
	every(command(nil, io.Discard, io.Discard), func(cmd *cobra.Command) {
		name := cmd.CommandPath()
		switch {
		case cmd.Short == "" || strings.HasSuffix(cmd.Short, "."):
			t.Errorf("%s: Short must be there, without a full stop", name)
		case cmd.Long == "":
			t.Errorf("%s has no Long", name)
		case cmd.Example == "" && cmd.HasParent():
			t.Errorf("%s has no example", name)
		case cmd.Runnable() && cmd.Args == nil && !strings.HasPrefix(name, "motacilla completion"):
			t.Errorf("%s takes any arguments", name)
		case cmd.HasParent() && !strings.Contains(string(docs), "`"+name) && !strings.Contains(string(docs), "$ "+name):
			t.Errorf("docs/command-line.md does not speak of %s", name)
		}
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Usage == "" || strings.HasSuffix(f.Usage, ".") {
				t.Errorf("%s --%s: the usage must be there, without a full stop", name, f.Name)
			}
		})
		for line := range strings.Lines(cmd.Example) {
			checkExample(t, name, strings.TrimSpace(line))
		}
	})
	for _, code := range []int{exitOK, exitFailure, exitUsage, exitNotFound, exitNotAllowed, exitUnavailable} {
		row := regexp.MustCompile(`(?m)^\| ` + string(rune('0'+code)) + ` \| `)
		line := regexp.MustCompile(`(?m)^  ` + string(rune('0'+code)) + `  `)
		if !row.Match(docs) || !line.MatchString(exitCodes) {
			t.Errorf("exit code %d is not documented", code)
		}
	}
}

// checkExample checks that the command line of an example is valid.
func checkExample(t *testing.T, of, line string) {
	t.Helper()
	words := shellWords(line)
	at := -1
	for i, w := range words {
		if w == "motacilla" {
			at = i
		}
	}
	if at < 0 {
		t.Errorf("%s: the example %q does not call motacilla", of, line)
		return
	}
	words = words[at+1:]
	cmd, rest, err := command(nil, io.Discard, io.Discard).Find(words)
	if err == nil {
		err = cmd.ParseFlags(rest)
	}
	if err == nil {
		err = cmd.ValidateArgs(cmd.Flags().Args())
	}
	if err != nil {
		t.Errorf("%s: the example %q is wrong: %v", of, line, err)
	}
}

// shellWords splits a command line into words, as far as examples need it: it knows quotes, pipes and redirections.
func shellWords(line string) []string {
	var words []string
	for _, w := range regexp.MustCompile(`"([^"]*)"|'([^']*)'|[^\s"']+`).FindAllString(line, -1) {
		switch {
		case w == "|" && len(words) > 0 && words[0] == "motacilla", strings.HasPrefix(w, ">"):
			return words
		case w == "|":
			words = nil
		default:
			words = append(words, strings.Trim(w, `"'`))
		}
	}
	return words
}
