package access

import (
	"crypto/sha256"
	"net/http"
	"slices"
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
// host of the same site may have set one.
func cookies(r *http.Request, names []string) (list []Credential) {
	sent := r.Header["Cookie"]
	for _, name := range names {
		if !slices.ContainsFunc(sent, func(line string) bool { return strings.Contains(line, name) }) {
			continue // most readers have other cookies
		}
		taken := 0
		for _, c := range r.CookiesNamed(name) {
			if c.Value != "" && len(c.Value) <= mostSecret && taken < mostCookies {
				list = append(list, Credential{Secret: c.Value, Cookie: name})
				taken++
			}
		}
	}
	return list
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
