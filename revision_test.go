package motacilla

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestNextRevisionGrowsUnderAnyClock(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		head := Revision(0)
		for _, at := range rapid.SliceOfN(rapid.Int64Range(0, 4e15), 1, 50).Draw(t, "clock") {
			now := time.UnixMicro(at)
			next := NextRevision(head, now)
			if next <= head || next != head+1 && next.Time() != now.UTC() {
				t.Fatalf("after %d at %d: %d", head, at, next)
			}
			head = next
		}
	})
}

func TestTimestampForm(t *testing.T) {
	for r, want := range map[Revision]string{
		0:                "0.000000",
		1:                "0.000001",
		1763890000456789: "1763890000.456789",
		1763890000000000: "1763890000.000000",
		-1500000:         "-1.500000",
		math.MaxInt64:    "9223372036854.775807",
		math.MinInt64:    "-9223372036854.775808",
	} {
		if got := r.Timestamp(); got != want {
			t.Errorf("%d: %s, want %s", int64(r), got, want)
		}
	}
}

// The browser parses lastUpdateTimestamp into a double and prints that with the fewest digits that tell it apart.
func throughBrowser(t interface{ Fatal(...any) }, ts string) string {
	f, err := strconv.ParseFloat(ts, 64)
	if err != nil {
		t.Fatal(err)
	}
	return strconv.FormatFloat(f, 'f', -1, 64) // Number.prototype.toString from 1e-6 to 1e21
}

func TestTimestampSurvivesTheBrowser(t *testing.T) {
	const until2242 = Revision(1<<33) * 1e6
	rapid.Check(t, func(t *rapid.T) {
		r := Revision(rapid.Int64Range(0, int64(until2242)-1).Draw(t, "revision"))
		got, err := ParseTimestamp(throughBrowser(t, r.Timestamp()))
		if err != nil || got != r {
			t.Fatalf("%d came back as %d, %v", r, got, err)
		}
	})
	for _, from := range []Revision{1763890000000000, 1<<32*1e6 - 5e4, until2242 - 1e5} {
		for r := from; r < from+1e5 && r < until2242; r++ {
			if got, err := ParseTimestamp(throughBrowser(t, r.Timestamp())); err != nil || got != r {
				t.Fatalf("%d came back as %d, %v", r, got, err)
			}
		}
	}
}

func TestParseTimestampCutsDecimals(t *testing.T) {
	for s, want := range map[string]Revision{
		"1763890000":                  1763890000000000,
		"1763890000.5":                1763890000500000,
		"1763890000.4567899999":       1763890000456789,
		"0.0000009":                   0,
		"0000001.5":                   1500000,
		"9223372036854.775807":        math.MaxInt64,
		"9223372036854.7758079999999": math.MaxInt64,
	} {
		if got, err := ParseTimestamp(s); err != nil || got != want {
			t.Errorf("%q: %d, %v; want %d", s, got, err, want)
		}
	}
}

var malformed = []string{
	"", " ", " 1", "1 ", "-1", "+1", "-0", "nan", "NaN", "inf", "Infinity", "1e400", "1e3", "0x10", "1_000", "1,5", "1.",
	".5", ".", "1.2.3", "1.-5", "1.+5", "1.5e3", "\u0661\u0662", "\uff11", "\u00b2",
	"1\x00", "\x001", "1\n", "\xff", "null", "9223372036854775808000",
	"99999999999999999999999999",
}

func TestMalformedNumbers(t *testing.T) {
	field := func(t *testing.T, s string, err error, want string) {
		t.Helper()
		var f *FieldError
		if !errors.Is(err, ErrInvalid) || !errors.As(err, &f) || f.Field != want {
			t.Errorf("%q: %v", s, err)
		}
	}
	for _, s := range append([]string{"9223372036854775808", "1.5"}, malformed...) {
		_, err := ParseRevision(s)
		field(t, s, err, "since")
	}
	for _, s := range append([]string{"9223372036854775808", "9223372036854.775808", "9223372036855"}, malformed...) {
		_, err := ParseTimestamp(s)
		field(t, s, err, "last_update_ts")
	}
}

func FuzzParseRevision(f *testing.F) {
	for _, s := range append([]string{"0", "1763890000456789", "9223372036854775807"}, malformed...) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := ParseRevision(s)
		if err != nil {
			if !errors.Is(err, ErrInvalid) || r != 0 {
				t.Fatal(r, err)
			}
			return
		}
		if want := strings.TrimLeft(s[:len(s)-1], "0") + s[len(s)-1:]; r < 0 || r.String() != want {
			t.Fatalf("%q: %s", s, r)
		}
	})
}

func FuzzParseTimestamp(f *testing.F) {
	for _, s := range append([]string{"0", "1763890000.456789", "9223372036854.775807"}, malformed...) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := ParseTimestamp(s)
		if err != nil {
			if !errors.Is(err, ErrInvalid) || r != 0 {
				t.Fatal(r, err)
			}
			return
		}
		again, err := ParseTimestamp(r.Timestamp())
		if r < 0 || err != nil || again != r {
			t.Fatalf("%q: %d, again %d, %v", s, r, again, err)
		}
		whole, frac, _ := strings.Cut(s, ".")
		wantWhole, wantFrac, _ := strings.Cut(r.Timestamp(), ".")
		if strings.TrimLeft(whole, "0") != strings.TrimLeft(wantWhole, "0") || (frac + "000000")[:6] != wantFrac {
			t.Fatalf("%q: %s", s, r.Timestamp())
		}
	})
}
