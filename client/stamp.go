package client

import (
	"time"

	"github.com/motacilla-live/motacilla"
)

// stamp is a time in JSON, in [motacilla.TimeFormat].
type stamp time.Time

// stampOf returns t, or nil if t is zero.
func stampOf(t time.Time) *stamp {
	if t.IsZero() {
		return nil
	}
	s := stamp(t)
	return &s
}

// time returns s in UTC, or the zero time if s is nil.
func (s *stamp) time() time.Time {
	if s == nil {
		return time.Time{}
	}
	return motacilla.Micro(time.Time(*s))
}

// MarshalText implements encoding.TextMarshaler.
func (s stamp) MarshalText() ([]byte, error) { return []byte(motacilla.FormatTime(time.Time(s))), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *stamp) UnmarshalText(text []byte) error { return (*time.Time)(s).UnmarshalText(text) }
