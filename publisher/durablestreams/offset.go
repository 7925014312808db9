package durablestreams

import (
	"github.com/motacilla-live/motacilla"
)

// offsetDigits is how long each offset is, so that they sort as texts. It is as long as the longest revision.
const offsetDigits = 19

// The offsets of the protocol that are no positions.
const (
	offsetStart = "-1"  // the beginning of the stream
	offsetNow   = "now" // its end
)

// appendOffset appends the offset of a revision: its decimal digits with zeros in front.
func appendOffset(dst []byte, r motacilla.Revision) []byte {
	var digits [offsetDigits]byte
	for i, n := offsetDigits-1, max(r, 0); i >= 0; i, n = i-1, n/10 {
		digits[i] = byte('0' + n%10)
	}
	return append(dst, digits[:]...)
}

func offset(r motacilla.Revision) string { return string(appendOffset(nil, r)) }

// parseOffset returns the revision of an offset that may have come from appendOffset. The error is an ErrInvalid.
func parseOffset(s string) (motacilla.Revision, error) {
	r, err := motacilla.ParseRevision(s)
	if err != nil || len(s) != offsetDigits || r == 0 {
		return 0, motacilla.Invalid("offset", "must be -1, now, or what an answer had as Stream-Next-Offset")
	}
	return r, nil
}
