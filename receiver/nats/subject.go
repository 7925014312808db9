package nats

import (
	"fmt"
	"strings"

	"github.com/motacilla-live/motacilla"
)

// subject is one of the subjects of a source.
type subject struct {
	parts   []string // as NATS has them, with its wildcards
	channel int      // the part that is the channel's ID; -1 if there is none
}

const variable = "{channel_id}"

// parseSubjects reads subjects with {channel_id} in the place of a part.
func parseSubjects(list []string) ([]subject, error) {
	var all []subject
	for i, text := range list {
		s := subject{parts: strings.Split(text, "."), channel: -1}
		for j, part := range s.parts {
			last := j == len(s.parts)-1
			switch {
			case part == variable && s.channel < 0:
				s.parts[j], s.channel = "*", j
			case part == "*", part == ">" && last:
			case part == "", strings.ContainsFunc(part, func(c rune) bool { return c <= ' ' || c > '~' }), strings.ContainsAny(part, "*>{}"):
				return nil, motacilla.Invalid(fmt.Sprintf("subjects[%d]", i), "must be a subject such as scores.{channel_id}, not %q", text)
			}
		}
		all = append(all, s)
	}
	return all, nil
}

// filter returns the subject as NATS has it.
func (s subject) filter() string { return strings.Join(s.parts, ".") }

// match reports whether a document's subject is one of s, and returns the part that is the channel's ID. A dot in the ID is %2E, as in
// what the publisher makes.
func (s subject) match(of string) (channel string, ok bool) {
	parts := strings.Split(of, ".")
	for i, want := range s.parts {
		switch {
		case i >= len(parts):
			return "", false
		case want == ">":
			parts = parts[:i+1] // the rest
		case want != "*" && want != parts[i]:
			return "", false
		}
	}
	if len(parts) != len(s.parts) {
		return "", false
	}
	if s.channel < 0 {
		return "", true
	}
	return strings.ReplaceAll(parts[s.channel], "%2E", "."), true
}
