package history

import (
	"html"
	"regexp"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
	"pgregory.net/rapid"
)

func TestDiff(t *testing.T) {
	for _, c := range []struct{ old, next, want string }{
		{"<p>Goal!</p>", "<p>Goal!</p>", "Goal!"},
		{"<p>19 min: Goal for <b>Home</b>.</p>", "<p>19 min: No goal for Home.</p>", "19 min: <del>Goal</del><ins>No goal</ins> for Home."},
		{"<p>one two three</p>", "<p>four five three</p>", "<del>one two</del><ins>four five</ins> three"},
		{"<p>a</p><p>b</p>", "<p>a</p><p>c</p><p>b</p>", "a<br><ins>c</ins><br>b"},
		{"", "<p>new &amp; &lt;b&gt;</p>", "<ins>new &amp; &lt;b&gt;</ins>"},
		{"<p>gone</p>", "", "<del>gone</del>"},
		{"<p>明日は雨です</p>", "<p>明日は晴です</p>", "明日は<del>雨</del><ins>晴</ins>です"},
		{"<p>नमस्ते दुनिया</p>", "<p>नमस्ते भारत</p>", "नमस्ते <del>दुनिया</del><ins>भारत</ins>"},
	} {
		if got := diff(text(c.old), text(c.next)); got != c.want {
			t.Errorf("%s to %s: %s, want %s", c.old, c.next, got, c.want)
		}
	}
	image := []motacilla.Block{{Type: motacilla.ImageBlock, URL: "/x.jpg", Alt: "a <hat>"}}
	if got := diff(nil, image); got != "<ins>[image] a &lt;hat&gt;</ins>" {
		t.Errorf("an image: %s", got)
	}
}

func text(s string) []motacilla.Block {
	if s == "" {
		return nil
	}
	return []motacilla.Block{motacilla.Text(motacilla.TrustedHTML(s))}
}

var (
	inserted = regexp.MustCompile(`(?s)<ins>.*?</ins>`)
	deleted  = regexp.MustCompile(`(?s)<del>.*?</del>`)
	tags     = regexp.MustCompile(`</?(ins|del|br)>`)
)

// A difference without what is new is the old text, and without what is gone the new one.
func TestDiffHasBothTexts(t *testing.T) {
	t.Parallel()
	words := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", " ", " ", "<p>", ".", "&amp;", "é", "漢", "字", "long-word", "7"}), 0, 40)
	rapid.Check(t, func(t *rapid.T) {
		old, next := text(strings.Join(words.Draw(t, "old"), "")), text(strings.Join(words.Draw(t, "next"), ""))
		got := diff(old, next)
		for _, side := range []struct {
			without *regexp.Regexp
			content []motacilla.Block
		}{{inserted, old}, {deleted, next}} {
			has := flat(html.UnescapeString(tags.ReplaceAllString(side.without.ReplaceAllString(got, ""), " ")))
			if want := flat(strings.Join(linesOf(side.content), " ")); has != want {
				t.Fatalf("%q has %q, want %q", got, has, want)
			}
		}
		if strings.Contains(tags.ReplaceAllString(got, ""), "<") {
			t.Fatalf("%q has another tag", got)
		}
	})
}

func flat(s string) string { return strings.Join(strings.Fields(s), "") }

// What differs too much is not compared word by word.
func TestDiffIsBounded(t *testing.T) {
	old, next := strings.Repeat("old ", 16<<10), strings.Repeat("new ", 16<<10)
	got := diff(text(old), text(next))
	if strings.Count(got, "<del>") != 1 || strings.Count(got, "<ins>") != 1 {
		t.Errorf("%d parts", strings.Count(got, "<ins>"))
	}
}
