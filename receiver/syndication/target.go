package syndication

import (
	"net/url"
	"strings"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/short"
)

// peerScheme stands before the URL of a channel of another Motacilla.
const peerScheme = "motacilla+"

// target is what is watched, and the channel that it feeds.
type target struct {
	url     string // of the feed, or of the page of the other Motacilla's channel
	channel motacilla.ChannelID
	key     string // names the target in records and leases

	peer    string // base URL of the other Motacilla; "" for a feed
	peerOwn motacilla.ChannelID
}

// parseFeeds reads the option feeds.
func parseFeeds(list []string) ([]target, error) {
	if len(list) == 0 {
		return nil, motacilla.Invalid("feeds", "must have at least one URL=CHANNEL, such as https://example.org/feed.xml=match-42")
	}
	seen := map[string]bool{}
	var all []target
	for _, pair := range list {
		t, err := parseFeed(pair)
		if err != nil {
			return nil, err
		}
		if seen[t.key] {
			return nil, motacilla.Invalid("feeds", "must not have %q twice", pair)
		}
		seen[t.key] = true
		all = append(all, t)
	}
	return all, nil
}

func parseFeed(pair string) (target, error) {
	at := strings.LastIndexByte(pair, '=') // the URL may have one too, and a channel's ID has none
	if at < 0 {
		return target{}, motacilla.Invalid("feeds", "must be URL=CHANNEL, such as https://example.org/feed.xml=match-42, not %q", redacted(pair))
	}
	link, is := strings.CutPrefix(strings.TrimSpace(pair[:at]), peerScheme)
	ch, err := motacilla.ParseChannelID(strings.TrimSpace(pair[at+1:]))
	if err != nil {
		return target{}, motacilla.Invalid("feeds", "must be URL=CHANNEL with the ID of a channel, not %q", redacted(pair))
	}
	u, err := url.Parse(link)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil {
		return target{}, motacilla.Invalid("feeds", "must have an http or https URL without a user name before the =, not %q", redacted(pair))
	}
	u.Fragment, u.RawFragment = "", ""
	t := target{url: u.String(), channel: ch}
	if is {
		base, own, found := strings.Cut(t.url, "/channels/")
		own, escapes := url.PathUnescape(strings.TrimRight(own, "/"))
		if t.peerOwn, err = motacilla.ParseChannelID(own); !found || escapes != nil || err != nil || u.RawQuery != "" {
			return target{}, motacilla.Invalid("feeds",
				"must have the URL of a channel's page, such as motacilla+https://live.example.org/channels/match-42=match-42, not %q", pair)
		}
		t.peer = base
	}
	t.key = short.Digest(t.peer, t.url, string(ch))
	return t, nil
}

// redacted returns a wrong setting without what may be a password.
func redacted(pair string) string {
	if scheme, rest, ok := strings.Cut(pair, "://"); ok {
		if at := strings.LastIndexByte(rest, '@'); at >= 0 {
			return scheme + "://…" + rest[at:]
		}
	}
	return pair
}
