package access_test

import (
	"net/http"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/route"
)

// BenchmarkAuthorize compares what the hook adds to a poll with the hook of one token. The channel has been read already.
func BenchmarkAuthorize(b *testing.B) {
	s := open(b, newStaff)
	token := route.NewToken(serverToken, s.store.Channel, nil)
	named := s.token("ci", "editor:match-*", "reader:closed")
	cookie := s.signIn(hire(b, s.store.Records(), "anna", "reader"), request(http.MethodPost))
	other := &http.Cookie{Name: "_ga", Value: "GA1.2.1234567890.1234567890"}
	public, private := motacilla.Channel{ID: "open", Access: motacilla.Public}, motacilla.Channel{ID: "closed", Access: motacilla.Private}
	for _, c := range []struct {
		name    string
		hook    route.Authorizer
		request *http.Request
		channel motacilla.Channel
	}{
		{"public/token", token.Authorize, request(http.MethodGet), public},
		{"public/access", s.Authorize, request(http.MethodGet), public},
		{"public,another-cookie/token", token.Authorize, withCookies(request(http.MethodGet), other), public},
		{"public,another-cookie/access", s.Authorize, withCookies(request(http.MethodGet), other), public},
		{"server's-token/token", token.Authorize, request(http.MethodGet, "Authorization", "Bearer "+serverToken), private},
		{"server's-token/access", s.Authorize, request(http.MethodGet, "Authorization", "Bearer "+serverToken), private},
		{"named-token/access", s.Authorize, request(http.MethodGet, "Authorization", "Bearer "+named), private},
		{"session/access", s.Authorize, withCookies(request(http.MethodGet), cookie), private},
	} {
		r := route.WithChannel(c.request, c.channel)
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.hook(r, c.channel.ID, route.Read); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
