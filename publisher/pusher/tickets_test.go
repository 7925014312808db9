package pusher

import (
	"net/url"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
)

func TestTicket(t *testing.T) {
	ticket := func(ch motacilla.ChannelID, private bool, path, auth string) (url, channel, authority string) {
		o := &Options{AppID: "3", Key: "278d425bdf160c739803", Secret: "7ad3773142a6692b25b8", AuthPath: auth}
		o.Readers, o.Path = "wss://hub.example/below/", path
		o = o.withDefaults()
		k, err := (&tickets{testApp(t), o}).ticket(nil, ch, private, time.Now())
		if err != nil || k.Protocol != "pusher" || k.Token != "" {
			t.Fatalf("%+v, %v", k, err)
		}
		return k.URL, k.Channel, k.Auth
	}
	const want = "wss://hub.example/below/app/278d425bdf160c739803?client=motacilla&protocol=7&version=1"
	if u, name, auth := ticket("match-42", false, "", ""); u != want || name != "live-match-42" || auth != "" {
		t.Errorf("the ticket of a public channel is %s, %s, %s", u, name, auth)
	}
	for _, tt := range []struct{ path, auth, at, want string }{
		{"", "", "https://live.example/live/pusher/match-42/?since=0", "https://live.example/live/pusher/auth/"},
		{"", "", "https://example.org/news/live/pusher/match-42/", "https://example.org/news/live/pusher/auth/"},
		{"/{channel_id}/", "p/auth/", "https://example.org/news/match-42/", "https://example.org/news/live/p/auth/"},
		{"", "/auth/", "https://example.org/news/live/pusher/match-42/", "https://example.org/news/auth/"},
	} {
		at, err := url.Parse(tt.at)
		if err != nil {
			t.Fatal(err)
		}
		_, name, auth := ticket("match-42", true, tt.path, tt.auth)
		u, err := at.Parse(auth)
		if err != nil || u.String() != tt.want || name != "private-live-match-42" {
			t.Errorf("the ticket at %s leads to %s, want %s", at, u, tt.want)
		}
	}
}
