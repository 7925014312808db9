package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
)

// The lines of tail --output json are updates that can be applied, and --since continues after the last one.
func TestTailJSON(t *testing.T) {
	t.Chdir(t.TempDir())
	remote := []string{"--server", serve(t), "--token", "s3cret"}
	do := func(args ...string) string {
		t.Helper()
		code, out, errs := call(append(args, remote...)...)
		if code != 0 {
			t.Fatalf("motacilla %q = %d, %s", args, code, errs)
		}
		return strings.TrimSpace(out)
	}
	do("channel", "create", "final", "--title", "Final")
	first := do("post", "add", "final", "One")
	out, notes, ended := newLines(), newLines(), make(chan int)
	go func() {
		ended <- run(append([]string{"tail", "final", "--output", "json"}, remote...), nil, out, notes)
	}()
	out.await(t, first)
	second := do("post", "add", "final", "Two")
	out.await(t, second)
	do("post", "delete", "final", first)
	updates := updatesIn(t, out.await(t, `"removals":["`+first))
	var view motacilla.View
	for _, u := range updates {
		if u.Heartbeat() || view.Apply(&u, true) {
			t.Errorf("%+v is of no use", u)
		}
	}
	if held := view.Renders(); len(held) != 1 || string(held[0].ID) != second || view.State.Title != "Final" {
		t.Errorf("the lines make %+v", view)
	}

	later, laterEnded := newLines(), make(chan int)
	go func() {
		args := []string{"tail", "final", "-o", "json", "--since", view.Revision.String(), "--transport", "sse"}
		laterEnded <- run(append(args, remote...), nil, later, notes)
	}()
	third := do("post", "add", "final", "Three")
	more := updatesIn(t, later.await(t, third))
	if more[0].Reset || more[0].From != view.Revision {
		t.Errorf("--since goes on with %+v", more[0])
	}
	texts, textEnded := newLines(), make(chan int)
	go func() {
		args := []string{"tail", "final", "--since", view.Revision.String()}
		textEnded <- run(append(args, remote...), nil, texts, notes)
	}()
	if text := texts.await(t, third+"  Three\n"); strings.Contains(text, second) {
		t.Errorf("--since prints what was there before:\n%s", text)
	}
	do("channel", "delete", "final", "--yes")
	for _, done := range []chan int{ended, laterEnded, textEnded} {
		if code := <-done; code != 0 {
			t.Errorf("tail ended with %d", code)
		}
	}
	last := updatesIn(t, out.await(t, `"gone":true`))
	if u := last[len(last)-1]; !u.Gone {
		t.Errorf("the last line is %+v", u)
	}
}

func updatesIn(t *testing.T, text string) []motacilla.Update {
	t.Helper()
	var updates []motacilla.Update
	for line := range strings.Lines(text) {
		if !strings.HasSuffix(line, "\n") {
			break
		}
		var u motacilla.Update
		if err := json.Unmarshal([]byte(line), &u); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		updates = append(updates, u)
	}
	return slices.Clip(updates)
}
