package oembed

import (
	"encoding/json"
	"errors"
	"math"
	"net/url"
	"strconv"
	"strings"

	"github.com/motacilla-live/motacilla"
)

// maxSnippet is the most bytes of HTML that a provider may want to be shown.
const maxSnippet = 64 << 10

// answer is what a provider says of a page (https://oembed.com, 2.3.4). Its texts are clean. Nothing else of it is trusted.
type answer struct {
	kind          string // photo, video, link or rich
	title         string
	author        string
	summary       string
	picture       string // an absolute URL, or ""
	html          string // of video and rich
	width, height int    // 0 if unknown
}

// parseAnswer reads a provider's answer. Providers take the format lightly: numbers are strings, and texts are null.
func parseAnswer(data []byte, base *url.URL) (answer, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		return answer{}, errors.New("the provider's answer is not a JSON object")
	}
	text := func(name string) string {
		var s string
		_ = json.Unmarshal(fields[name], &s) // what is no text is missing
		return s
	}
	a := answer{
		kind: text("type"), title: clean(text("title"), motacilla.MaxCardTitle),
		author:  clean(text("author_name"), motacilla.MaxCardTitle),
		summary: clean(text("description"), motacilla.MaxCardSummary),
		picture: address(base, text("thumbnail_url")),
		width:   pixels(fields["width"]), height: pixels(fields["height"]),
	}
	switch a.kind {
	case "photo":
		if p := address(base, text("url")); p != "" {
			a.picture = p
		}
	case "video", "rich":
		if h := text("html"); len(h) <= maxSnippet {
			a.html = h
		}
	}
	return a, nil
}

// pixels reads a length, as a number or as text. A share of the width, such as "100%", is 0, like anything else that is not a
// number of pixels.
func pixels(raw json.RawMessage) int {
	s := strings.TrimSuffix(strings.TrimSpace(strings.Trim(string(raw), `"`)), "px")
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(f) || f < 1 || f > motacilla.MaxPixels {
		return 0
	}
	return int(f)
}

// address returns a URL of a page as an absolute one, or "" if it is not one of http or https.
func address(base *url.URL, s string) string {
	s = strings.TrimSpace(s)
	if s == "" || len(s) > motacilla.MaxURL {
		return ""
	}
	u, err := base.Parse(s)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil {
		return ""
	}
	if s = u.String(); len(s) > motacilla.MaxURL {
		return ""
	}
	return s
}
