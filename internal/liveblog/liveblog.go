// Package liveblog has the posts of a few live blogs that never were, for tests and benchmarks of how far posts can be
// compressed. They are as long as those of real ones: 200 to 3,000 bytes of HTML.
package liveblog

import (
	_ "embed" // for posts.html
	"strings"
)

//go:embed posts.html
var posts string

// Posts returns the HTML of the posts, one text block each.
func Posts() []string { return strings.Split(strings.TrimSpace(posts), "\n<!-- next -->\n") }
