package publisher

import (
	"fmt"
	"net/url"
	"slices"
	"testing"

	"github.com/motacilla-live/motacilla"
)

func TestParseCursors(t *testing.T) {
	for query, want := range map[string][]Cursor{
		"":                     {},
		"other=1":              {},
		"c=a":                  {{"a", 0}},
		"c=a,7&x&c=b%2C8&c=d,": nil,
		"c=a,7&c=b%2C8":        {{"a", 7}, {"b", 8}},
		"c=a:b%2Bc,0":          {{"a:b+c", 0}},
		"c=a:1":                {{"a:1", 0}},
		"c=a+b":                nil,
		"c=a;c=b":              nil,
		"c=a&since=1":          nil,
		"c=a&c=a":              nil,
	} {
		got, err := ParseCursors(query)
		if (want == nil) != (err != nil) || !slices.Equal(got, want) {
			t.Errorf("%s: got %v, %v; want %v", query, got, err, want)
		}
	}
}

func FuzzParseCursors(f *testing.F) {
	for _, query := range []string{"c=match-42,1763890000456789&c=match-43", "c=a%2C1", "c=a:b", "c=a&c=a", "since=1", "c=%zz", "c=a,9223372036854775808"} {
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, query string) {
		got, err := ParseCursors(query)
		if err != nil {
			return
		}
		values := url.Values{}
		for _, c := range got {
			if _, err := motacilla.ParseChannelID(string(c.Channel)); err != nil || c.After < 0 {
				t.Fatalf("%q gives %+v", query, c)
			}
			values.Add("c", fmt.Sprintf("%s,%d", c.Channel, c.After))
		}
		again, err := ParseCursors(values.Encode())
		if err != nil || !slices.Equal(got, again) || len(got) > MostChannels {
			t.Fatalf("%q gives %v, and then %v (%v)", query, got, again, err)
		}
	})
}

func TestManyPath(t *testing.T) {
	for path, want := range map[string]string{
		"sse/{channel_id}/": "sse/", "sse/{channel_id}": "sse/", "/ws/channel/{channel_id}/": "/ws/channel/",
		"{channel_id}/sse/": "", "/{channel_id}/": "", "{channel_id}": "", "a/{b}/{channel_id}": "", "sse-{channel_id}": "",
	} {
		if got := ManyPath(path); got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
}
