package compress

import (
	"slices"
	"strconv"
	"strings"
)

// Coding is a content coding of HTTP (RFC 9110, section 8.4.1).
type Coding string

// The codings that are known here.
const (
	Identity Coding = "" // not compressed
	Gzip     Coding = "gzip"
	Zstd     Coding = "zstd"
	Brotli   Coding = "br"
)

// All are the codings that compress, in the order of preference. For whole bodies br is the shortest. A stream of zstd is some 6 %
// longer than one of gzip, but has an end.
func All() []Coding { return []Coding{Brotli, Zstd, Gzip} }

// Known returns the codings of those names that are known, without repetitions. nil stands for All.
func Known(names []string) []Coding {
	if names == nil {
		return All()
	}
	var codings []Coding
	for _, name := range names {
		if c := Coding(name); slices.Contains(All(), c) && !slices.Contains(codings, c) {
			codings = append(codings, c)
		}
	}
	return codings
}

// Valid reports whether names are codings that are known, each once at most.
func Valid(names []string) bool { return len(Known(names)) == len(names) || names == nil }

// Choose returns the coding of offered that a client likes best by its Accept-Encoding (RFC 9110, section 12.5.3). If it likes
// several equally, the first one counts. It is Identity if the client accepts none, or likes that better. What is malformed
// in the header is ignored.
func Choose(accept []string, offered []Coding) Coding {
	if len(accept) == 0 || len(offered) == 0 {
		return Identity
	}
	var space [8]weight
	list := space[:0]
	star, identity := -1, -1 // -1: not named
	for _, line := range accept {
		for element := range strings.SplitSeq(line, ",") {
			name, q, ok := parseElement(element)
			switch {
			case !ok:
			case name == "*":
				star = q
			case strings.EqualFold(name, "identity"):
				identity = q
			case len(list) < cap(list):
				list = append(list, weight{name, q})
			}
		}
	}
	best, most := Identity, 0
	for _, c := range offered {
		if q := weightOf(list, c, star); q > most {
			best, most = c, q
		}
	}
	if identity > most {
		return Identity
	}
	return best
}

type weight struct {
	name string
	q    int // in thousandths
}

func weightOf(list []weight, c Coding, star int) int {
	for _, w := range list {
		if strings.EqualFold(w.name, string(c)) || c == Gzip && strings.EqualFold(w.name, "x-gzip") {
			return w.q
		}
	}
	return star
}

// parseElement parses an element of Accept-Encoding, such as "gzip;q=0.5".
func parseElement(s string) (name string, q int, ok bool) {
	name, parameter, weighted := strings.Cut(s, ";")
	name = strings.Trim(name, " \t")
	if name == "" || !weighted {
		return name, 1000, name != ""
	}
	key, value, _ := strings.Cut(strings.Trim(parameter, " \t"), "=")
	if key != "q" && key != "Q" {
		return name, 0, false
	}
	q, ok = parseWeight(value)
	return name, q, ok
}

// parseWeight parses a qvalue: 0 to 1 with up to three digits behind the point (RFC 9110, section 12.4.2).
func parseWeight(s string) (thousandths int, ok bool) {
	whole, digits, _ := strings.Cut(s, ".")
	if whole != "0" && whole != "1" || len(digits) > 3 || strings.Trim(digits, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(whole + (digits + "000")[:3])
	return n, err == nil && n <= 1000
}
