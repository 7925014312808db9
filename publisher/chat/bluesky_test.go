package chat_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/publisher/chat"
)

// The calls are as docs.bsky.app/docs/advanced-guides/posts and the lexicons say.
func TestBluesky(t *testing.T) {
	r, s := newRig(t), newServer(t)
	const put, signIn = "/xrpc/com.atproto.repo.putRecord", "/xrpc/com.atproto.server.createSession"
	s.respond(func(c call, n int) (int, string) {
		switch {
		case c.Path == signIn && n == 1:
			return http.StatusBadRequest, `{"error":"InvalidRequest","message":"try later"}` // which must not lose the post
		case c.Path == signIn:
			return http.StatusOK, `{"did":"did:plc:ewvi7nxzyoun6zhxrhs64oiz","accessJwt":"jwt` + string(rune('0'+n)) + `","handle":"news.example"}`
		case n == 3:
			return http.StatusInternalServerError, `{"error":"InternalServerError"}`
		case n == 5:
			return http.StatusBadRequest, `{"error":"ExpiredToken","message":"Token has expired"}`
		}
		return http.StatusOK, `{"uri":"at://did:plc:ewvi7nxzyoun6zhxrhs64oiz/app.bsky.feed.post/3k","cid":"bafy"}`
	})
	o := &chat.BlueskyOptions{Options: common(), Server: s.url, Handle: "news.example", Password: "app-pass-word", Languages: []string{"de", "en"}}
	r.start(chat.NewBluesky(r.kit, o))
	post := r.post(true, "Tör! 👩‍👩‍👧‍👦 siehe https://example.org/a?b=c. Und (http://example.org)")
	calls := s.has(r, 4) // two to sign in, and two to write
	if c := calls[1]; c.Path != signIn || c.Body["identifier"] != "news.example" || c.Body["password"] != "app-pass-word" || len(c.Body) != 2 {
		t.Errorf("the call is %+v", c)
	}
	record := calls[3].Body["record"].(map[string]any)
	text := record["text"].(string)
	if c := calls[3]; c.Path != put || c.Header.Get("Authorization") != "Bearer jwt2" || c.Body["repo"] != "did:plc:ewvi7nxzyoun6zhxrhs64oiz" ||
		c.Body["collection"] != "app.bsky.feed.post" || record["$type"] != "app.bsky.feed.post" || len(record["langs"].([]any)) != 2 {
		t.Errorf("the call is %+v", c)
	}
	if at, err := time.Parse(time.RFC3339, record["createdAt"].(string)); err != nil || !at.Equal(post.Created) {
		t.Errorf("the time is %v (%v), want %v", at, err, post.Created)
	}
	key := calls[3].Body["rkey"].(string)
	if key != calls[2].Body["rkey"] || !regexp.MustCompile(`^[234567abcdefghij][234567abcdefghijklmnopqrstuvwxyz]{12}$`).MatchString(key) {
		t.Errorf("the keys of one post are %v and %v", calls[2].Body["rkey"], key)
	}
	var marked []string
	for _, f := range record["facets"].([]any) {
		index := f.(map[string]any)["index"].(map[string]any)
		feature := f.(map[string]any)["features"].([]any)[0].(map[string]any)
		part := text[int(index["byteStart"].(float64)):int(index["byteEnd"].(float64))]
		if feature["$type"] != "app.bsky.richtext.facet#link" || feature["uri"] != part {
			t.Errorf("the facet of %q is %v", part, feature)
		}
		marked = append(marked, part)
	}
	const want = "https://example.org/a?b=c http://example.org https://live.example.org/channels/match-42"
	if got := strings.Join(marked, " "); got != want {
		t.Errorf("the links are %s, want %s", got, want)
	}
	r.post(true, "Another")
	calls = s.has(r, 7) // the session has expired
	if calls[5].Path != signIn || calls[6].Header.Get("Authorization") != "Bearer jwt6" || calls[6].Body["rkey"] == key {
		t.Errorf("the calls are %+v", calls[4:])
	}
	r.post(true, "And more")
	s.has(r, 8)
}
