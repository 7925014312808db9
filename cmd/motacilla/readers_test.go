package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/live"
	"github.com/motacilla-live/motacilla/presence"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/sse"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/receiver/webapp"
	"github.com/motacilla-live/motacilla/storage/memory"
)

// serveReaders starts a server whose token is s3cret, with the channels match, which has two readers, and quiet, which has none.
func serveReaders(t *testing.T) string {
	t.Helper()
	store := memory.New(nil)
	t.Cleanup(func() { _ = store.Close() })
	l, err := live.New(live.Options{
		Store: store, Token: "s3cret",
		Presence:   &presence.Options{Node: "web-1", Every: 20 * time.Millisecond, TTL: time.Hour},
		Publishers: func(p *live.Parts) []publisher.Publisher { return []publisher.Publisher{sse.New(p.Feed, nil)} },
		Receivers: func(p *live.Parts) []receiver.Receiver {
			return []receiver.Receiver{webapp.New(p.Sink(), p.Authorize, nil)}
		},
	})
	if err == nil {
		err = l.Start(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(l)
	t.Cleanup(func() {
		if err := l.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		server.Close()
	})
	for _, id := range []motacilla.ChannelID{"match", "quiet"} {
		if _, err := store.PutChannel(t.Context(), motacilla.Channel{ID: id}, 0); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/live/sse/match", nil)
		resp, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = resp.Body.Close() })
	}
	return server.URL
}

func TestReadersCommand(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("MOTACILLA_SERVER_TOKEN", "")
	base := serveReaders(t)
	as := func(token, line string) (int, string, string) {
		t.Helper()
		return call(append(strings.Fields(line), "--server", base, "--token", token)...)
	}
	type counts struct {
		Now, Most int
		MostAt    time.Time `json:"most_at"`
		Nodes     []struct{ Node string }
	}
	count := func(line string) (got counts) {
		t.Helper()
		code, out, errs := as("s3cret", line+" --output json")
		if err := json.Unmarshal([]byte(out), &got); err != nil || code != 0 {
			t.Fatalf("%s: %d %v\n%s%s", line, code, err, out, errs)
		}
		return got
	}
	for count("readers match").Now != 2 || count("readers").Now != 2 {
		time.Sleep(5 * time.Millisecond) // until both are counted
	}
	if got := count("readers match"); got.Most != 2 || got.MostAt.IsZero() || len(got.Nodes) != 1 || got.Nodes[0].Node != "web-1" {
		t.Errorf("in JSON: %+v", got)
	}
	const at = `20[0-9-]+T[0-9:]+Z`
	for _, tt := range []struct {
		token, args string
		code        int
		out         string // a regular expression of all of it
		err         string
	}{
		{"s3cret", "readers match", 0, `web-1\t2\t-\t-\nall\t2\t2\t` + at + `\n`, ""},
		{"s3cret", "readers quiet", 0, `all\t0\t0\t-\n`, ""},
		{"s3cret", "readers", 0, `web-1\t2\t-\t-\nall\t2\t2\t` + at + `\n`, ""},
		{"s3cret", "readers quiet --output json", 0, `(?s){.*"now": 0,.*"most_at": null,.*"nodes": \[\]\s}\n`, ""},
		{"s3cret", "readers none", 3, ``, "there is no channel none; motacilla channel list prints them"},
		{"s3cret", "readers a/b", 1, ``, "channel_id: must be 1 to 255"},
		{"s3cret", "readers match quiet", 2, ``, "1"},
		{"wrong", "readers match", 4, ``, "does not accept the token"},
		{"wrong", "readers", 4, ``, "does not accept the token"},
	} {
		code, out, errs := as(tt.token, tt.args)
		if code != tt.code || !regexp.MustCompile(`\A(?:`+tt.out+`)\z`).MatchString(out) ||
			!strings.Contains(errs, tt.err) || tt.err == "" && errs != "" {
			t.Errorf("%s = %d\n%s%s\nwant %d, %s, %s", tt.args, code, out, errs, tt.code, tt.out, tt.err)
		}
	}
	if code, _, errs := call("readers", "match", "--server", "http://127.0.0.1:1", "--token", "x"); code == 0 || errs == "" {
		t.Errorf("without a server: %d %s", code, errs)
	}
	completes(t, `^match[\n\t]`, "readers", "--server", base, "--token", "s3cret", "")
}
