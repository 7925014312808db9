package nchan_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/internal/realserver"
	"github.com/motacilla-live/motacilla/publisher/nchan"
	"github.com/motacilla-live/motacilla/publisher/publishertest"
	"github.com/motacilla-live/motacilla/publisher/relay"
)

// TestSecureLink: nginx takes a link for one channel, until it expires.
func TestSecureLink(t *testing.T) {
	n := realserver.NewNchan(t, `
		location ~ ^/members/(.+)$ {
			secure_link $arg_md5,$arg_expires;
			secure_link_md5 "$secure_link_expires$uri a-secret";
			if ($secure_link != "1") { return 403; }
			nchan_subscriber eventsource;
			nchan_channel_id members/$1;
		}`)
	at := "http://" + n.Addr + "/members/"
	link := func(key, name string, life time.Duration) string {
		l, err := nchan.SecureLink(key, at+name, time.Now().Add(life))
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	good := link("a-secret", "a:b~c+d", time.Hour)
	_, query, _ := strings.Cut(good, "?")
	for name, c := range map[string]struct {
		url  string
		want int
	}{
		"a link":             {good, http.StatusOK},
		"of another channel": {at + "final?" + query, http.StatusForbidden},
		"of another key":     {link("another", "final", time.Hour), http.StatusForbidden},
		"expired":            {link("a-secret", "final", -time.Hour), http.StatusForbidden},
		"prolonged":          {strings.Replace(good, "expires=", "expires=9", 1), http.StatusForbidden},
		"none":               {at + "final", http.StatusForbidden},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.url, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept", "text/event-stream")
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != c.want {
			t.Errorf("%s: %s, want %d", name, resp.Status, c.want)
		}
	}
}

// TestReaders: readers of private channels must have a location of their own.
func TestReaders(t *testing.T) {
	site := publishertest.NewSite(t, nil)
	kit := &relay.Kit{Feed: site.Feed, Source: site.Source}
	for field, o := range map[string]nchan.Options{
		"":                 {ReaderOptions: relay.ReaderOptions{Readers: "https://hub.example/x/{channel}"}},
		"readers":          {ReaderOptions: relay.ReaderOptions{Readers: "https://hub.example/x/"}},
		"readers ":         {ReaderOptions: relay.ReaderOptions{Readers: "wss://hub.example/x/{channel}"}},
		"private_readers":  {ReaderOptions: relay.ReaderOptions{Readers: "https://hub.example/x/{channel}"}, Options: relay.Options{Private: true}},
		"private_readers ": {ReaderOptions: relay.ReaderOptions{Readers: "https://h/{channel}"}, PrivateReaders: "https://h/{channel}", Options: relay.Options{Private: true}},
		"private_readers  ": { // the link would be good for every channel
			ReaderOptions: relay.ReaderOptions{Readers: "https://h/{channel}"}, PrivateReaders: "https://h/private?id={channel}", ReadersKey: "x",
			Options: relay.Options{Private: true},
		},
	} {
		o.URL, o.PrivateURL = "http://127.0.0.1/publish/{channel}", "http://127.0.0.1/private/{channel}"
		p, err := nchan.New(kit, &o)
		if want := strings.TrimSpace(field); (err == nil) != (want == "") || err != nil && !strings.HasPrefix(err.Error(), want+":") {
			t.Errorf("%q: %v", field, err)
		}
		if err == nil && len(p.URLs()) != 1 {
			t.Errorf("the routes are %v", p.URLs())
		}
	}
}
