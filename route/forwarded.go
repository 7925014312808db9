package route

import "strings"

// forwarded reads the Forwarded header (RFC 7239). It returns the parameters of each hop, with names in lower case. A
// line that breaks the grammar is one unknown hop, since the client may have written its beginning and the proxy its
// end: an open quote must not swallow what the proxy wrote, and a quoted comma must not add a hop.
func forwarded(lines []string) []map[string]string {
	var hops []map[string]string
	for _, line := range lines {
		parsed, ok := forwardedLine(line)
		if !ok {
			parsed = []map[string]string{nil}
		}
		hops = append(hops, parsed...)
	}
	return hops
}

func forwardedLine(s string) (hops []map[string]string, ok bool) {
	hop := map[string]string{}
	for {
		s = strings.TrimLeft(s, " \t")
		if i := strings.IndexAny(s, "=,;"); i >= 0 && s[i] == '=' {
			key := strings.ToLower(s[:i])
			value, rest, ok := forwardedValue(s[i+1:])
			if _, twice := hop[key]; !ok || twice || strings.ContainsAny(key, " \t\"") {
				return nil, false
			}
			hop[key], s = value, strings.TrimLeft(rest, " \t")
		}
		switch {
		case s == "":
			return append(hops, hop), true
		case s[0] == ',':
			hops, hop = append(hops, hop), map[string]string{}
		case s[0] != ';':
			return nil, false
		}
		s = s[1:]
	}
}

// forwardedValue takes a token or a quoted string from the front of s.
func forwardedValue(s string) (value, rest string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		end := strings.IndexAny(s, ",; \t")
		if end < 0 {
			end = len(s)
		}
		return s[:end], s[end:], !strings.Contains(s[:end], `"`)
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), s[i+1:], true
		case '\\':
			if i++; i == len(s) {
				return "", "", false
			}
		}
		b.WriteByte(s[i])
	}
	return "", "", false
}
