package nats

import (
	"strings"

	"github.com/motacilla-live/motacilla"
)

// Subject returns the subject of a channel, by a template such as motacilla.{channel_id}. An ID has one character that a part of a
// subject must not have, the dot. It becomes %2E. No ID has a %, so two channels never have the same subject.
func Subject(template string, ch motacilla.ChannelID) string {
	return strings.Replace(template, variable, strings.ReplaceAll(string(ch), ".", "%2E"), 1)
}

const templateProblem = "must have {channel_id} once, and parts of visible ASCII characters without * and >, not %q"

// validTemplate reports whether all channels have a valid subject by the template.
func validTemplate(template string) bool {
	if strings.Count(template, variable) != 1 || strings.HasPrefix(template, "$") || strings.HasPrefix(template, "_INBOX.") {
		return false
	}
	for part := range strings.SplitSeq(Subject(template, "x"), ".") {
		if part == "" {
			return false
		}
		for _, c := range part {
			if c <= ' ' || c > '~' || strings.ContainsRune("*>{}", c) {
				return false
			}
		}
	}
	return true
}

// mayMeet reports whether two channels may have the same subject, one by each template.
func mayMeet(a, b string) bool {
	one, other := strings.Split(a, "."), strings.Split(b, ".")
	if len(one) != len(other) {
		return false
	}
	for i := range one {
		if one[i] != other[i] && !strings.Contains(one[i]+other[i], variable) {
			return false
		}
	}
	return true
}
