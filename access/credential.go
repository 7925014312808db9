package access

import (
	"crypto/sha256"
	"iter"
	"net/http"
	"net/textproto"
	"strings"
)

// bearer returns the secret of the Authorization header.
func bearer(r *http.Request) (secret string, ok bool) {
	h := r.Header["Authorization"]
	if len(h) != 1 {
		return "", false
	}
	scheme, secret, ok := strings.Cut(h[0], " ")
	secret = strings.TrimSpace(secret)
	return secret, ok && secret != "" && strings.EqualFold(scheme, "Bearer")
}

// ticketOf returns the ticket in the URL of a request that reads.
func ticketOf(r *http.Request) string {
	if !strings.Contains(r.URL.RawQuery, TicketParameter+"=") || !reads(r) {
		return ""
	}
	return r.URL.Query().Get(TicketParameter)
}

// mostSecret is the longest credential that is looked at, in bytes. A token that another server signs has some hundred.
const mostSecret = 8 << 10

// cookies returns the credentials in cookies of these names. A browser may send several cookies of one name: a page of another
// host of the same site may have set one. The request is read here, as [http.Request.CookiesNamed] does, since each poll of a person
// passes through it: nothing is allocated.
func cookies(r *http.Request, names []string) iter.Seq[Credential] {
	return func(yield func(Credential) bool) {
		for _, name := range names {
			taken := 0
			for _, line := range r.Header["Cookie"] {
				for more := true; more && taken < mostCookies; {
					var one string
					one, line, more = strings.Cut(line, ";")
					given, value, _ := strings.Cut(textproto.TrimString(one), "=")
					if textproto.TrimString(given) != name {
						continue // most readers have other cookies
					}
					if value = unquoted(value); value == "" || len(value) > mostSecret || !validCookie(value) {
						continue
					}
					if taken++; !yield(Credential{Secret: value, Cookie: name}) {
						return
					}
				}
			}
		}
	}
}

// unquoted returns the value of a cookie without quotation marks around it.
func unquoted(value string) string {
	if len(value) > 1 && value[0] == '"' && value[len(value)-1] == '"' {
		return value[1 : len(value)-1]
	}
	return value
}

// validCookie reports whether a cookie may have that value (RFC 6265, and spaces and commas, which browsers send).
func validCookie(value string) bool {
	for i := range len(value) {
		if c := value[i]; c < 0x20 || c >= 0x7f || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// digest returns the key of a credential in the cache. Most fit into the buffer, which costs no allocation.
func (c Credential) digest() [sha256.Size]byte {
	var room [1 << 10]byte
	b := append(room[:0], c.Cookie...)
	b = append(b, 0)
	return sha256.Sum256(append(b, c.Secret...))
}

// mostCookies is how many cookies of one name are looked at.
const mostCookies = 4
