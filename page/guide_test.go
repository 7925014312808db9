package page_test

import (
	"os"
	"regexp"
	"slices"
	"testing"
)

// TestAnyPageGuideNamesWhatThereIs compares the names in docs/any-page.md with those of the element, both ways.
func TestAnyPageGuideNamesWhatThereIs(t *testing.T) {
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
	const guide = "../docs/any-page.md"
	if got, want := names("`(--live-posts-[a-z-]+)`", guide), names(`var\((--live-posts-[a-z-]+),`, "client/styles/element.css"); !slices.Equal(got, want) {
		t.Errorf("custom properties: the guide has\n%q, the style sheet\n%q", got, want)
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
