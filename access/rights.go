package access

import (
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/route"
)

// Right is a role on channels. Channels are IDs and patterns such as match-*, as in [path.Match]; none is all channels.
type Right struct {
	Role     Role     `json:"role"`
	Channels []string `json:"channels,omitempty"`
}

// Rights are what somebody may do. The greatest of them on a channel counts. None may do nothing.
type Rights []Right

const (
	mostRights   = 100
	mostPatterns = 1000 // of all rights
)

// ParseRights parses rights such as "editor" and "contributor:match-*,final". The error is an ErrInvalid.
func ParseRights(list []string) (Rights, error) {
	var rs Rights
	for _, s := range list {
		role, channels, some := strings.Cut(s, ":")
		r := Right{Role: Role(role)}
		if some {
			r.Channels = strings.Split(channels, ",")
		}
		rs = append(rs, r)
	}
	return rs, rs.Validate()
}

// String returns the right as [ParseRights] takes it.
func (r Right) String() string {
	if len(r.Channels) == 0 {
		return string(r.Role)
	}
	return string(r.Role) + ":" + strings.Join(r.Channels, ",")
}

// Validate returns an ErrInvalid if a role is not known, or what stands for channels is no pattern. No ID has a slash or a comma.
func (rs Rights) Validate() error {
	if len(rs) > mostRights {
		return motacilla.Invalid("rights", "must be at most %d", mostRights)
	}
	patterns := 0
	for _, r := range rs {
		if _, err := ParseRole(string(r.Role)); err != nil {
			return err
		}
		if patterns += len(r.Channels); patterns > mostPatterns {
			return motacilla.Invalid("channels", "must be at most %d", mostPatterns)
		}
		for _, p := range r.Channels {
			_, err := path.Match(p, "")
			if err != nil || p == "" || len(p) > motacilla.MaxID || strings.ContainsAny(p, "/,") || !utf8.ValidString(p) {
				return motacilla.Invalid("channels", "must be IDs of channels, or patterns such as match-*")
			}
		}
	}
	return nil
}

// Allow reports whether the rights permit action on a channel. On no channel in particular ("") an action is permitted to whoever
// may do it on some channel, but Manage only to whoever manages all.
func (rs Rights) Allow(ch motacilla.ChannelID, action route.Action) bool {
	return slices.ContainsFunc(rs, func(r Right) bool { return r.Role.Allows(action) && r.on(ch, action) })
}

func (r Right) on(ch motacilla.ChannelID, action route.Action) bool {
	switch {
	case len(r.Channels) == 0:
		return true
	case ch == "":
		return action != route.Manage
	}
	return slices.ContainsFunc(r.Channels, func(pattern string) bool {
		ok, _ := path.Match(pattern, string(ch))
		return ok
	})
}

// Covers reports whether rs permit everything that others permit: whoever has rs may give others away.
func (rs Rights) Covers(others Rights) bool {
	for _, other := range others {
		if !slices.ContainsFunc(rs, func(r Right) bool { return r.covers(other) }) {
			return false
		}
	}
	return true
}

// covers compares patterns as texts: a pattern covers itself, and an ID that it matches.
func (r Right) covers(other Right) bool {
	if r.Role.level() < other.Role.level() {
		return false
	}
	if len(r.Channels) == 0 {
		return true
	}
	if len(other.Channels) == 0 {
		return false
	}
	for _, p := range other.Channels {
		plain := !strings.ContainsAny(p, `*?[\`)
		if !slices.Contains(r.Channels, p) && (!plain || !r.on(motacilla.ChannelID(p), route.Read)) {
			return false
		}
	}
	return true
}
