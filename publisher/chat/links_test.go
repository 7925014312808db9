package chat

import (
	"strings"
	"testing"
)

// A link is what a reader takes for one: it ends before punctuation, and has the brackets that belong to it.
func TestLinks(t *testing.T) {
	for text, want := range map[string]string{
		"see https://example.org.":                             "https://example.org",
		"(https://example.org/a), https://b.example/?q=1!":     "https://example.org/a https://b.example/?q=1",
		"https://en.wikipedia.org/wiki/Goal_(sport)":           "https://en.wikipedia.org/wiki/Goal_(sport)",
		"(https://en.wikipedia.org/wiki/Goal_(sport))":         "https://en.wikipedia.org/wiki/Goal_(sport)",
		"https://example.org/a[1]; [https://example.org/b]":    "https://example.org/a[1] https://example.org/b",
		"公式https://example.org，発表。":                            "https://example.org",
		"https://example.org/新闻，内容很长":                          "https://example.org/新闻",
		"https://köln.example:8443/x#y":                        "https://köln.example:8443/x#y",
		"http:// https:/// https://. http://? no":              "",
		"https://user:word@example.org/ https://u@example.org": "",
		"https://example.org: no, https://example.org:80: yes": "https://example.org https://example.org:80",
		"xhttps://example.org":                                 "",
		"https://example.org/…":                                "https://example.org/",
	} {
		var got []string
		for _, l := range linksOf(text) {
			got = append(got, text[l[0]:l[1]])
		}
		if strings.Join(got, " ") != want {
			t.Errorf("in %q are %q, want %s", text, got, want)
		}
	}
}

// Mastodon counts a link as 23 characters, if it takes it for one: the domain must be one of the Internet, and a bracket ends it. What is
// counted too low is refused, and lost.
func TestMastodonCounts(t *testing.T) {
	long := strings.Repeat("x", 100)
	for text, want := range map[string]int{
		"Goal":                               4,
		"https://a.example/" + long:          23,
		"https://a.example":                  23,
		"a https://a.example/" + long + " b": 27,
		"http://intranet/" + long:            116,
		"http://192.0.2.1/" + long:           117,
		"https://a.example/(" + long + ")":   23 + 102,
		"https://a.example（" + long:          23 + 101,
	} {
		if m := (&mastodon{}); !m.fits(text, want) || m.fits(text, want-1) {
			t.Errorf("%q does not have %d characters", text, want)
		}
	}
}

// No text is cut within a link: it would lead elsewhere.
func TestCutBeforeALink(t *testing.T) {
	const text = "Goal by Kim: https://example.org/reports/1234567 and more"
	for most := 1; most < length(text); most++ {
		if got := cut(text, most); strings.Contains(got, "http") && !strings.Contains(got, "/1234567 ") || length(got) > most {
			t.Errorf("cut to %d it is %q", most, got)
		}
	}
	if got := cut("https://example.org/reports/1234567", 30); got != "" {
		t.Errorf("a cut link is %q", got)
	}
}
