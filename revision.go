package motacilla

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// Revision numbers the changes of one channel. The store gives every change a revision, in microseconds since the Unix
// epoch. Revisions are strictly increasing within a channel. The same number orders changes, and serves as a reader's
// cursor, as an ETag and as Wagtail Live's timestamp. 0 is before every change.
type Revision int64

// Clock tells the time. Stores take one for tests. nil means time.Now.
type Clock func() time.Time

// Now returns the clock's time, in UTC.
func (c Clock) Now() time.Time {
	if c == nil {
		return time.Now().UTC()
	}
	return c().UTC()
}

// NextRevision returns the revision of a change at the time now to a channel whose newest revision is head. It is the time,
// or head+1 if the clock is not past head.
func NextRevision(head Revision, now time.Time) Revision {
	return max(head+1, Revision(now.UnixMicro()))
}

// Time returns r as a time, in UTC.
func (r Revision) Time() time.Time { return time.UnixMicro(int64(r)).UTC() }

// String returns the decimal digits of r.
func (r Revision) String() string { return strconv.FormatInt(int64(r), 10) }

// Timestamp returns r as Wagtail Live's timestamp: seconds with exactly six decimals, such as "1763890000.456789".
// Wagtail Live's client parses it as a float64 and formats it again. The six decimals survive that up to 2^33 s, in the
// year 2242.
func (r Revision) Timestamp() string { return string(r.AppendTimestamp(nil)) }

// AppendTimestamp appends r.Timestamp() to dst.
func (r Revision) AppendTimestamp(dst []byte) []byte {
	n := uint64(r)
	if r < 0 {
		dst = append(dst, '-')
		n = -n
	}
	dst = strconv.AppendUint(dst, n/1e6, 10)
	dst = append(dst, '.')
	micros := strconv.FormatUint(n%1e6, 10)
	dst = append(dst, "000000"[len(micros):]...)
	return append(dst, micros...)
}

// ParseRevision parses a cursor: only ASCII digits, at most the largest int64. The error is an [ErrInvalid] that names the
// field since.
func ParseRevision(s string) (Revision, error) {
	if !digits(s) {
		return 0, Invalid("since", "must be a revision in decimal digits")
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, Invalid("since", "must be at most %d", int64(math.MaxInt64))
	}
	return Revision(n), nil
}

// ParseTimestamp parses Wagtail Live's timestamp: seconds in digits, optionally with a point and decimals. Decimals after
// the sixth are cut. The error is an [ErrInvalid] that names the field last_update_ts.
func ParseTimestamp(s string) (Revision, error) {
	whole, frac, point := strings.Cut(s, ".")
	if !digits(whole) || point && !digits(frac) {
		return 0, Invalid("last_update_ts", "must be seconds in decimal digits, optionally with a point and decimals")
	}
	frac = (frac + "000000")[:6]
	n, err := strconv.ParseInt(whole+frac, 10, 64)
	if err != nil {
		return 0, Invalid("last_update_ts", "must be at most %s", Revision(math.MaxInt64).Timestamp())
	}
	return Revision(n), nil
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
