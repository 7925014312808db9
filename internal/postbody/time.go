package postbody

import (
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
)

// ParseTime parses RFC 3339 strictly. The time must be in the years 1 to 9999 of UTC. Decimals beyond the sixth are cut.
// The first instant of year 1 is invalid: in the program it means that there is no time.
func ParseTime(field, s string) (time.Time, error) {
	var t time.Time
	if err := t.UnmarshalText([]byte(s)); err != nil || strings.Contains(s, ",") { // package time takes a comma for a point
		return time.Time{}, motacilla.Invalid(field, "must be a time in RFC 3339 such as 2026-01-02T15:04:05Z")
	}
	t = time.UnixMicro(t.UnixMicro()).UTC()
	if t.IsZero() || t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}, motacilla.Invalid(field, "must be in the years 1 to 9999")
	}
	return t, nil
}
