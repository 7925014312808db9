package nchan_test

import (
	"context"
	"iter"
	"net/http"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/realserver"
	"github.com/motacilla-live/motacilla/publisher/nchan"
	"github.com/motacilla-live/motacilla/publisher/polling"
	"github.com/motacilla-live/motacilla/publisher/publishertest"
	"github.com/motacilla-live/motacilla/publisher/relay"
)

// privateLocations are those of docs/nchan.md. nginx asks ORIGIN whether a reader may read the channel.
const privateLocations = `
	location ~ ^/publish/(.+)$ { nchan_publisher http; nchan_channel_id $1; }
	location ~ ^/publish-private/(.+)$ { nchan_publisher http; nchan_channel_id private/$1; }
	location ~ ^/live/(.+)$ {
		nchan_subscriber eventsource;
		nchan_subscriber_first_message newest;
		nchan_channel_id $1;
	}
	location ~ ^/private/(.+)$ {
		set $channel $1;
		nchan_subscriber eventsource;
		nchan_subscriber_first_message newest;
		nchan_channel_id private/$channel;
		nchan_authorize_request /authorize/$channel;
	}
	location ~ ^/authorize/(.+)$ {
		internal;
		proxy_pass http://ORIGIN/live/interval-polling/$1/?since=1;
		proxy_method GET;
		proxy_pass_request_body off;
		proxy_set_header Content-Length "";
		proxy_set_header If-None-Match "";
		proxy_set_header If-Modified-Since "";
	}
`

// TestPrivate: nginx asks who may read a private channel, and it is not published where everybody may read.
func TestPrivate(t *testing.T) {
	s := publishertest.NewSite(t, nil)
	s.Add(polling.NewInterval(s.Feed, nil))
	server := s.Serve(nil)
	n := realserver.NewNchan(t, strings.ReplaceAll(privateLocations, "ORIGIN", strings.TrimPrefix(server.URL, "http://")))
	hubs := relay.NewClient()
	t.Cleanup(hubs.Close)
	r, err := nchan.New(&relay.Kit{Feed: s.Feed, Source: s.Source, Hubs: hubs}, &nchan.Options{
		Options: relay.Options{Name: "nchan", Private: true},
		URL:     "http://" + n.Addr + "/publish/{channel}", PrivateURL: "http://" + n.Addr + "/publish-private/{channel}",
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Shutdown(context.Background()) }()
	s.Eventually("the relay leads", func() bool { return r.Status().Leading })

	for _, token := range []string{"", "wrong"} {
		for _, err := range private(t.Context(), n.Addr, token, func() {}) {
			if err == nil || !strings.Contains(err.Error(), "403") {
				t.Errorf("with the token %q: %v", token, err)
			}
			break
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var spied error
	listens, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		for u, err := range eventSource(ctx, n.Addr, publishertest.Members, func() { close(listens) }) {
			if spied = err; u != nil {
				t.Errorf("who did not ask as a member got %d to %d", u.From, u.Revision)
			}
		}
	}()
	<-listens
	posted := make(chan struct{})
	ready := func() {
		go func() {
			defer close(posted)
			s.Post(publishertest.Members, "A secret")
		}()
	}
	for u, err := range private(ctx, n.Addr, publishertest.Secret, ready) {
		if err != nil {
			t.Fatal(err)
		}
		if u.Channel != publishertest.Members || len(u.Renders) != 1 {
			t.Errorf("the update is %+v", u)
		}
		break
	}
	<-posted
	cancel()
	<-over
	if ctx.Err() == nil {
		t.Error(spied)
	}
}

// private reads the private channel with a token.
func private(ctx context.Context, addr, token string, ready func()) iter.Seq2[*motacilla.Update, error] {
	header := http.Header{"Authorization": {"Bearer " + token}}
	return read(ctx, "http://"+addr+"/private/"+string(publishertest.Members), header, ready)
}
