package live_test

import (
	"bufio"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/live"
	"github.com/motacilla-live/motacilla/route"
)

// TestManyChannels: the list of transports names the addresses for several channels, and the app's hook is asked for each channel.
func TestManyChannels(t *testing.T) {
	t.Parallel()
	o := options(t)
	var l *live.Live
	o.Authorize = func(r *http.Request, ch motacilla.ChannelID, action route.Action) (route.Grant, error) {
		if c, err := r.Cookie("user"); err == nil && c.Value == "reader" && r.PathValue("channel_id") == string(ch) {
			return route.Grant{}, nil
		}
		return l.Public(r, ch, action)
	}
	s := start(t, o)
	l = s.Live
	list := s.ask("GET", base+"/channels/match/transports", "").Body.String()
	for _, many := range []string{`"many":"../../live/sse/"`, `"many":"../../live/websocket/"`} {
		if !strings.Contains(list, many) {
			t.Errorf("the list does not have %s: %s", many, list)
		}
	}
	if n := strings.Count(list, `"many"`); n != 2 {
		t.Errorf("%d transports have many: %s", n, list)
	}
	for target, status := range map[string]int{
		"/live/sse/?c=members": 403, "/live/sse/?c=none": 404, "/live/sse/": 400, "/live/websocket/?c=match": 426,
	} {
		if w := s.ask("GET", base+target, ""); w.Code != status {
			t.Errorf("%s: %d, want %d", target, w.Code, status)
		}
	}
	server := s.serve(s.Live, false)
	for user, want := range map[string]string{"guest": `{"subscribed":["match"]}`, "reader": `{"subscribed":["members","match"]}`} {
		query := url.Values{"c": {"members", "match", "none"}}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+base+"/live/sse/?"+query.Encode(), nil)
		if err != nil {
			t.Fatal(err)
		}
		req.AddCookie(&http.Cookie{Name: "user", Value: user})
		resp, err := server.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		for lines := bufio.NewScanner(resp.Body); ; {
			if !lines.Scan() {
				t.Fatalf("%s: the stream ended: %v", user, lines.Err())
			}
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				if data != want {
					t.Errorf("%s: got %s, want %s", user, data, want)
				}
				break
			}
		}
		_ = resp.Body.Close()
	}
}
