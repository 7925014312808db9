package syndication

import (
	"net/url"
	"strings"
	"testing"
)

// A feed of very many small entries takes much more memory and time than its bytes. It is refused before it is parsed.
func TestAFeedOfVeryManyPartsIsRefused(t *testing.T) {
	u, _ := url.Parse("https://example.org/feed")
	rss := func(n int) string {
		return `<rss version="2.0"><channel>` + strings.Repeat(`<item><guid>x</guid></item>`, n) + `</channel></rss>`
	}
	list := func(n int) string {
		return `{"version":"https://jsonfeed.org/version/1.1","title":"x","items":[` + strings.Repeat(`{"id":"1"},`, n) + `{"id":"2"}]}`
	}
	for name, c := range map[string]struct {
		body    string
		refused bool
	}{
		"RSS": {rss(2000), false}, "JSON": {list(2000), false},
		"many in RSS": {rss(60_000), true}, "many in JSON": {list(110_000), true},
	} {
		_, err := parse([]byte(c.body), "", u, u, 100)
		if (err != nil) != c.refused || c.refused && !strings.Contains(err.Error(), errMany.Error()) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
