package client_test

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestProxyOutage has a proxy refuse every request in its own words while the server restarts. Only the server's own
// problem documents may end Follow.
func TestProxyOutage(t *testing.T) {
	for name, refuse := range map[string]http.HandlerFunc{
		"404 text": say(404, "text/plain", "no backend"), "401 html": say(401, html, "who are you?"),
		"403 html": say(403, html, "no"), "200 html": say(200, html, "back soon"),
		"404 problem of another kind": say(404, "application/problem+json", `{"type":"https://gateway.example/x","title":"No route"}`),
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, transport string) {
				s := open(t)
				o := s.quick(transport)
				refusals := 0
				o.Retry = func(error, time.Duration) error {
					if refusals++; refusals == 5 {
						s.intercept(nil)
						s.post(t, "after the outage")
					}
					return nil
				}
				for u, err := range following(patient(t), s.url(), match, o) {
					if err != nil {
						t.Fatal(err)
					}
					if len(u.Renders) > 0 {
						break
					}
					if refusals == 0 {
						s.intercept(func(w http.ResponseWriter, r *http.Request) bool { refuse(w, r); return true })
						s.cut()
					}
				}
			})
		})
	}
}

// TestOutageIsNoReasonToFallBack has the transport that worked refused by a proxy. Follow asks for the list before it
// tries the next transport.
func TestOutageIsNoReasonToFallBack(t *testing.T) {
	outage := say(404, "text/plain", "no backend")
	list := say(200, "application/json", `{"transports":[{"name":"sse","url":"/sse"},{"name":"websocket","url":"/websocket"}]}`)
	for _, tt := range []struct {
		name      string
		list, sse []http.HandlerFunc
		asked     string
	}{
		{"an outage", []http.HandlerFunc{list, outage, outage, list},
			[]http.HandlerFunc{stream(event(reset(0, 7)), abort{}), outage, stream(event(ends()))},
			"list, sse 0, sse 7, list, list, list, sse 7"},
		{"the transport alone", []http.HandlerFunc{list},
			[]http.HandlerFunc{stream(event(reset(0, 7)), abort{}), outage},
			"list, sse 0, sse 7, list, sse 7, websocket 7"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &script{answer: map[string]http.HandlerFunc{
				"list": turns(tt.list...), "sse": turns(tt.sse...), "websocket": socket(strings.Replace(ends(), `"from":1`, `"from":7`, 1)),
			}}
			s.run(t, func(t *testing.T, o *settings) {
				if n, err := last(t.Context(), "http://live.example", match, o); n != 2 || err != nil || s.questions() != tt.asked {
					t.Errorf("%d updates, %v\nasked: %s\nwant:  %s", n, err, s.questions(), tt.asked)
				}
			})
		})
	}
}
