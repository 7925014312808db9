package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla/internal/realserver"
)

// privateHubs start each hub whose readers of private channels need a token, and return how the program relays to it.
var privateHubs = map[string]func(t *testing.T) (config string){
	"mercure": func(t *testing.T) string {
		m := realserver.NewMercure(t, nil)
		return "{type: mercure, url: " + m.URL + ", key: " + realserver.MercurePublisherKey + ", readers: " + m.URL +
			", private: true, subscriber_key: " + realserver.MercureSubscriberKey + "}"
	},
	"nchan": func(t *testing.T) string {
		n := realserver.NewNchan(t, `
			location ~ ^/publish/(.+)$ { nchan_publisher http; nchan_channel_id $1; }
			location ~ ^/publish-private/(.+)$ { nchan_publisher http; nchan_channel_id private/$1; }
			location ~ ^/live/(.+)$ { nchan_subscriber eventsource; nchan_subscriber_first_message newest; nchan_channel_id $1; }
			location ~ ^/private/(.+)$ {
				secure_link $arg_md5,$arg_expires;
				secure_link_md5 "$secure_link_expires$uri a-secret";
				if ($secure_link != "1") { return 403; }
				nchan_subscriber eventsource;
				nchan_subscriber_first_message newest;
				nchan_channel_id private/$1;
			}`)
		at := "http://" + n.Addr
		return `{type: nchan, url: "` + at + `/publish/{channel}", private_url: "` + at + `/publish-private/{channel}", private: true, readers: "` +
			at + `/live/{channel}", private_readers: "` + at + `/private/{channel}", readers_key: a-secret}`
	},
	"pusher": func(t *testing.T) string {
		s := realserver.NewSoketi(t)
		return "{type: pusher, app_id: " + realserver.SoketiApp + ", key: " + realserver.SoketiKey + ", secret: " + realserver.SoketiSecret +
			", url: http://" + s.Addr + ", readers: ws://" + s.Addr + ", private: true}"
	},
}

// TestHubOfPrivateChannels: the hub sends a private channel only to who has a token, which the server gives to who may read it. The
// channel's ID may be so long that the name at the hub does not have it.
func TestHubOfPrivateChannels(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	for name, start := range privateHubs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := relaying(t, start(t), "sse")
			for _, id := range []string{"members", "a:" + strings.Repeat("long~", 25)} {
				s.api(http.MethodPost, "channels", text{"id": id, "title": "For members", "access": "private"}, nil)
				p := open(t, browser(t), s.site()+"/channels/"+id, holdTimers(longTimers))
				p.until(`document.querySelector("form.sign-in")`)
				p.eval(`document.querySelector("#token").value = "`+token+`"; void document.querySelector("form.sign-in").requestSubmit()`, nil)
				p.live()
				s.api(http.MethodPost, "channels/"+id+"/posts", text{"text": "a secret"}, nil)
				p.shows("a secret")
				asked := 2 // when it came, and when the hub was ready
				if name == "pusher" {
					asked++ // for the token of the subscription
				}
				p.askedOnly(name, asked)
			}
		})
	}
}
