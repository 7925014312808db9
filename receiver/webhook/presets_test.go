package webhook_test

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/receiver/webhook"
)

var update = flag.Bool("update", false, "write testdata/documents.txt anew")

// options returns a preset as a user names it, with the channel match-42 and a token.
func options(preset string) *webhook.Options {
	return &webhook.Options{Preset: preset, Verify: "bearer", Secrets: []string{secret}, Channel: "match-42"}
}

// kindOf returns the headers that a source sends with a document.
func kindOf(file string) http.Header {
	h := http.Header{"Content-Type": {"application/json"}}
	switch name := filepath.Base(file); {
	case strings.HasSuffix(name, ".ping.json"):
		h.Set("X-GitHub-Event", "ping")
	case strings.HasPrefix(name, "github-releases"):
		h.Set("X-GitHub-Event", "release")
	case strings.HasPrefix(name, "github-workflows"):
		h.Set("X-GitHub-Event", "workflow_run")
	}
	return h
}

func documents(tb testing.TB) []string {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) < 15 {
		tb.Fatal(err, files)
	}
	return files
}

func read(tb testing.TB, file string) []byte {
	tb.Helper()
	body, err := os.ReadFile(file)
	if err != nil {
		tb.Fatal(err)
	}
	return body
}

// What each recorded document becomes is as in testdata/documents.txt. -update writes it again; read it.
func TestPresets(t *testing.T) {
	var out strings.Builder
	used := map[string]bool{}
	for _, file := range documents(t) {
		preset, _, _ := strings.Cut(filepath.Base(file), ".")
		used[preset] = true
		m, err := webhook.NewMapping(options(preset))
		if err != nil {
			t.Fatal(err)
		}
		posts, err := m.Map(t.Context(), kindOf(file), read(t, file))
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		fmt.Fprintf(&out, "== %s: %d\n", filepath.Base(file), len(posts))
		for _, p := range posts {
			if p.Ignored != "" {
				fmt.Fprintf(&out, "%s ignored: %s\n", p.Part, p.Ignored)
				continue
			}
			fmt.Fprintf(&out, "%s %s %s version %d", p.Part, p.Channel, p.Message.ID, p.Message.Version)
			for flag, on := range map[string]bool{" removed": p.Remove} {
				if on {
					out.WriteString(flag)
				}
			}
			fmt.Fprintf(&out, " pinned %t key event %t hidden %t\n", p.Message.Pinned, p.Message.KeyEvent, p.Message.Hidden)
			if p.Remove {
				continue
			}
			fmt.Fprintf(&out, "  by %q at %s\n", p.Message.Author, p.Message.Created.UTC().Format(time.RFC3339))
			for _, b := range p.Content {
				fmt.Fprintf(&out, "  | %s\n", strings.ReplaceAll(b.Text.String(), "\n", "\n  | "))
			}
		}
	}
	const golden = "testdata/documents.txt"
	if *update {
		if err := os.WriteFile(golden, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want := string(read(t, golden)); want != out.String() {
		t.Errorf("the documents become\n%s\nand not what %s has", out.String(), golden)
	}
	all, err := webhook.Presets()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		if !used[p.Name] {
			t.Errorf("no document in testdata is for %s", p.Name)
		}
		if p.About == "" || strings.HasPrefix(p.About, "#") || p.Options.Name != p.Name || p.Options.Verify == "" {
			t.Errorf("%s: %q, %+v", p.Name, p.About, p.Options)
		}
	}
}

// Each recorded document is delivered twice: the second time nothing changes. Then all of a preset again, in the other order.
func TestDocumentsAreDeliveredTwice(t *testing.T) {
	byPreset := map[string][]string{}
	for _, file := range documents(t) {
		preset, _, _ := strings.Cut(filepath.Base(file), ".")
		byPreset[preset] = append(byPreset[preset], file)
	}
	for preset, files := range byPreset {
		t.Run(preset, func(t *testing.T) {
			r := newRig(t, options(preset), nil)
			for _, file := range files {
				for n := range 2 {
					before := r.head()
					for name, values := range kindOf(file) {
						r.header[name] = values
					}
					status, answer := r.deliver("/hooks/"+preset, read(t, file))
					if status != http.StatusOK {
						t.Fatalf("%s: %d %s", file, status, answer)
					}
					if n == 1 && r.head() != before {
						t.Errorf("%s changed the channel when it was delivered again", file)
					}
				}
			}
			ids := map[string]bool{}
			for _, p := range r.posts() {
				if ids[p.MessageID] {
					t.Errorf("%s has two posts", p.MessageID)
				}
				if ids[p.MessageID] = true; p.Source != preset {
					t.Errorf("the source of %s is %q", p.MessageID, p.Source)
				}
			}
			slices.Reverse(files)
			for _, file := range files {
				r.header.Set("X-GitHub-Event", kindOf(file).Get("X-GitHub-Event"))
				if status, answer := r.deliver("/hooks/"+preset, read(t, file)); status != http.StatusOK {
					t.Fatalf("%s: %d %s", file, status, answer)
				}
			}
			if got := len(r.posts()); got != len(ids) {
				t.Errorf("in another order there are %d posts, and not %d", got, len(ids))
			}
		})
	}
}

// The life of what sources report: the end state is right, also if deliveries come late or out of order.
func TestLives(t *testing.T) {
	for _, c := range []struct {
		preset, files string
		want          []string // of each post: HTML, or "-" and the HTML if it is hidden
	}{
		{"github-releases", "published edited", []string{`<a href="https://github.com/wagtails/field-notes/releases/tag/v1.4.0" ` +
			`rel="nofollow noopener"><b>wagtails/field-notes Spring passage</b></a>` + "\n<p>Counts by hour.</p>"}},
		{"github-releases", "deleted published", nil},
		{"github-releases", "published deleted published edited", nil},
		{"alertmanager", "resolved firing", []string{"Resolved: The shop", "DiskFull"}},
		{"alertmanager", "firing resolved firing", []string{"Resolved: The shop", "DiskFull"}},
		{"statuspage", "resolved investigating identified", []string{"investigating", "identified", "resolved"}},
		{"statuspage-incidents", "investigating resolved identified", []string{"Slow uploads: resolved"}},
		{"api-football", "first second first", []string{"25′ Normal Goal", "33′ Yellow Card", "45+2′ Normal Goal", "71′ Goal cancelled"}},
		{"scoreboard", "equaliser goal", []string{"Wagtails 1–1 Pipits"}},
		{"scoreboard", "goal final removed goal", nil},
	} {
		t.Run(c.preset+" "+c.files, func(t *testing.T) {
			r := newRig(t, options(c.preset), nil)
			for _, name := range strings.Fields(c.files) {
				file := "testdata/" + c.preset + "." + name + ".json"
				r.header.Set("X-GitHub-Event", kindOf(file).Get("X-GitHub-Event"))
				if status, answer := r.deliver("/hooks/"+c.preset, read(t, file)); status != http.StatusOK {
					t.Fatalf("%s: %d %s", name, status, answer)
				}
			}
			var got []string
			for _, p := range r.posts() {
				got = append(got, htmlOf(p))
			}
			slices.Sort(got)
			want := slices.Sorted(slices.Values(c.want))
			if len(got) != len(want) {
				t.Fatalf("the posts are %q, want %q", got, want)
			}
			for _, w := range want {
				if !slices.ContainsFunc(got, func(g string) bool { return strings.Contains(g, w) }) {
					t.Errorf("the posts are %q, want %q", got, w)
				}
			}
		})
	}
}

// A release that is unpublished is hidden, and what an editor has set stays if the mapping says nothing of it.
func TestFlagsFollowTheSource(t *testing.T) {
	r := newRig(t, options("github-releases"), nil)
	r.header.Set("X-GitHub-Event", "release")
	send := func(name string) {
		t.Helper()
		if status, answer := r.deliver("/hooks/github-releases", read(t, "testdata/github-releases."+name+".json")); status != 200 {
			t.Fatal(status, answer)
		}
	}
	send("published")
	p := r.posts()[0]
	if !p.Show || !p.KeyEvent || p.Pinned {
		t.Errorf("published: %+v", p)
	}
	p.Pinned = true
	if _, err := r.store.PutPost(t.Context(), "match-42", p, p.Revision); err != nil {
		t.Fatal(err)
	}
	send("unpublished")
	if p := r.posts()[0]; p.Show || !p.Pinned {
		t.Errorf("unpublished: %+v", p)
	}
	send("published")
	if p := r.posts()[0]; !p.Show || !p.Pinned {
		t.Errorf("published again: %+v", p)
	}
	// GitHub sends a delivery again with its ID: an old state does not come back.
	r.header.Set("X-GitHub-Delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958")
	send("unpublished")
	r.header.Set("X-GitHub-Delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0959")
	send("edited")
	head := r.head()
	r.header.Set("X-GitHub-Delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958")
	send("unpublished")
	if r.head() != head || !r.posts()[0].Show {
		t.Error("a delivery that was repeated changed the post")
	}
}
