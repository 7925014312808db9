package page_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// templates returns a file that lists the templates.
func templates(t *testing.T) string {
	t.Helper()
	list, err := filepath.Glob("templates/*.html")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "templates")
	if err := os.WriteFile(file, []byte(strings.Join(list, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestGuidesNameWhatThereIs compares the names in docs/look.md and docs/any-page.md with what there is, both ways.
func TestGuidesNameWhatThereIs(t *testing.T) {
	names := func(pattern string, files ...string) []string {
		var found []string
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, match := range regexp.MustCompile(pattern).FindAllSubmatch(text, -1) {
				found = append(found, string(match[1]))
			}
		}
		slices.Sort(found)
		return slices.Compact(found)
	}
	const guide, look = "../docs/any-page.md", "../docs/look.md"
	styles := []string{"client/styles/properties.css", "client/styles/posts.css", "client/styles/page.css", "client/styles/element.css"}
	if got, want := names("`(--motacilla-[a-z-]+)`", look), names(`var\((--motacilla-[a-z-]+)[,)]`, styles...); !slices.Equal(got, want) {
		t.Errorf("custom properties: the guide has\n%q, the style sheets\n%q", got, want)
	}
	if got, want := names("`([a-z]+\\.html)`", look), names(`templates/([a-z]+\.html)`, templates(t)); !slices.Equal(got, want) {
		t.Errorf("templates: the guide has\n%q, there are\n%q", got, want)
	}
	told := names("`((?:post|badge)(?:-[a-z]+)?|frame|header|state|status|title|new|posts|empty|more)`", guide)
	for _, part := range names(`make\("[a-z0-9]+", "([a-z-]+)`, "client/frame.ts") {
		if !slices.Contains(told, part) {
			t.Errorf("the guide lacks the part %s", part)
		}
	}
	for _, part := range names(`"(post-[a-z]+)"`, "client/frame.ts") {
		if !slices.Contains(told, part) {
			t.Errorf("the guide lacks the part %s", part)
		}
	}
}
