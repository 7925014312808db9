package e2e

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
)

// hostile has markup that tries to run window.ran = 1, one attempt in each line.
//
//go:embed testdata/hostile.txt
var hostile string

// attempts returns the lines of hostile.
func attempts() []string { return strings.Split(strings.TrimSpace(hostile), "\n") }

// desk is a server with all receivers, whose sources the test plays.
type desk struct{ *program }

const (
	slackSecret    = "a-signing-secret-of-the-tests"
	telegramSecret = "a_secret_token_of_the_tests"
	hookSecret     = "a-webhook-secret-of-the-tests"
)

const deskConfig = `
outbound: {allow: [127.0.0.0/8]}
receivers:
  - {type: webapp}
  - {type: slack, bot_token: xoxb-1, check: false, signing_secret: %s, channels: [C024BE91L=match]}
  - {type: telegram, token: "1:abcdefghijklmnopqrstuvwxyzabcdefghi", secret: %s, channels: ["-1001=match"], register: false}
  - type: webhook
    name: board
    verify: bearer
    secrets: [%s]
    channel: match
    message_id: "{{.id}}"
    author: "{{.author}}"
    title: "{{.title}}"
    link: "{{.link}}"
    text: "<p>{{.text}}</p>"
  - {type: syndication, name: wire, feeds: ["%s=match"], interval: 30s, backfill: 500, max_entries: 500}
`

// newDesk starts the server. entries are those of the feed that it reads.
func newDesk(t *testing.T, entries []string) *desk {
	t.Helper()
	feed := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/atom+xml")
		_, _ = w.Write(atom(entries))
	}))
	t.Cleanup(feed.Close)
	dir := t.TempDir()
	config := fmt.Sprintf(deskConfig, slackSecret, telegramSecret, hookSecret, feed.URL)
	if err := os.WriteFile(filepath.Join(dir, "motacilla.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return &desk{program: serveIn(t, dir, "sse")}
}

// atom returns a feed with an entry for each text. The text is in every field.
func atom(texts []string) []byte {
	escape := func(s string) string {
		var b bytes.Buffer
		_ = xml.EscapeText(&b, []byte(s))
		return b.String()
	}
	var b bytes.Buffer
	b.WriteString(`<?xml version="1.0" encoding="utf-8"?><feed xmlns="http://www.w3.org/2005/Atom"><title>` +
		escape(texts[0]) + `</title><id>urn:feed</id><updated>2026-01-02T15:04:05Z</updated>`)
	for i, text := range texts {
		e := escape(text)
		fmt.Fprintf(&b, `<entry><id>urn:%d</id><title type="html">%s</title><updated>2026-01-02T15:%02d:%02dZ</updated>`+
			`<author><name>%s</name></author><link href="%s"/><content type="html">%s</content></entry>`, i, e, i/60, i%60, e, e, e)
	}
	b.WriteString(`</feed>`)
	return b.Bytes()
}

// send posts a body. An attempt may be refused, but it must not break the server. While the store has too much to write, the body is
// posted again, as sources do.
func (d *desk) send(path string, headers http.Header, body any) {
	d.t.Helper()
	data, err := json.Marshal(body)
	if err != nil {
		d.t.Fatal(err)
	}
	for late := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		status := d.sendOnce(path, headers, data)
		if status == http.StatusServiceUnavailable && time.Now().Before(late) {
			continue
		}
		if status >= http.StatusInternalServerError || status == http.StatusUnauthorized {
			d.t.Errorf("%s answers %d to %s", path, status, data)
		}
		return
	}
}

func (d *desk) sendOnce(path string, headers http.Header, data []byte) (status int) {
	d.t.Helper()
	r, err := http.NewRequest(http.MethodPost, "http://"+d.addr+path, bytes.NewReader(data))
	if err != nil {
		d.t.Fatal(err)
	}
	r.Header = headers.Clone()
	r.Header.Set("Content-Type", "application/json")
	if strings.HasPrefix(path, "/hooks/slack") {
		at := strconv.FormatInt(time.Now().Unix(), 10)
		mac := hmac.New(sha256.New, []byte(slackSecret))
		fmt.Fprintf(mac, "v0:%s:%s", at, data)
		r.Header.Set("X-Slack-Request-Timestamp", at)
		r.Header.Set("X-Slack-Signature", "v0="+hex.EncodeToString(mac.Sum(nil)))
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		d.t.Fatal(err)
	}
	_ = answer.Body.Close()
	return answer.StatusCode
}

// waysIn are all ways by which text from outside comes in, but that of feeds. n numbers the messages.
var waysIn = map[string]func(d *desk, n int, evil string){
	"rest": func(d *desk, n int, evil string) {
		d.send("/api/channels/match/posts", http.Header{"Authorization": {"Bearer " + token}}, map[string]any{
			"author": evil, "message_id": fmt.Sprint("rest", n), "content": []any{
				map[string]any{"type": "text", "value": map[string]any{"text": evil}},
				map[string]any{"type": "image", "value": map[string]any{"url": "/none.png", "alt": evil}},
				map[string]any{"type": "embed", "value": map[string]any{"url": "https://example.invalid/?" + url.QueryEscape(evil)}},
			},
		})
		d.send("/api/channels/match/posts", http.Header{"Authorization": {"Bearer " + token}}, map[string]any{
			"text": evil, "message_id": fmt.Sprint("rest text ", n),
		})
	},
	"slack": func(d *desk, n int, evil string) {
		event := map[string]any{
			"type": "message", "channel": "C024BE91L", "user": "U1", "text": evil, "ts": fmt.Sprintf("1767366000.%06d", n),
		}
		d.slack(n, event)
		element := func(kind string, more map[string]any) map[string]any {
			more["type"] = kind
			return more
		}
		event["ts"] = fmt.Sprintf("1767367000.%06d", n)
		event["blocks"] = []any{element("rich_text", map[string]any{"elements": []any{
			element("rich_text_section", map[string]any{"elements": []any{
				element("text", map[string]any{"text": evil}), element("link", map[string]any{"url": evil, "text": evil}),
				element("emoji", map[string]any{"name": evil}), element("user", map[string]any{"user_id": evil}),
				element("channel", map[string]any{"channel_id": evil}), element("date", map[string]any{"fallback": evil, "url": evil}),
			}}),
			element("rich_text_preformatted", map[string]any{"elements": []any{element("text", map[string]any{"text": evil})}}),
			element("rich_text_quote", map[string]any{"elements": []any{element("text", map[string]any{"text": evil})}}),
		}})}
		d.slack(n+100_000, event)
	},
	"telegram": func(d *desk, n int, evil string) {
		length := len([]rune(evil))
		d.send("/telegram/1", http.Header{"X-Telegram-Bot-Api-Secret-Token": {telegramSecret}}, map[string]any{
			"update_id": n + 1, "message": map[string]any{
				"message_id": n + 1, "date": 1767366000, "text": evil,
				"chat": map[string]any{"id": -1001, "type": "supergroup", "title": evil},
				"from": map[string]any{"id": 7, "first_name": evil, "last_name": evil, "username": "x"},
				"entities": []any{
					map[string]any{"type": "text_link", "offset": 0, "length": length, "url": evil},
					map[string]any{"type": "pre", "offset": 0, "length": length, "language": evil},
					map[string]any{"type": "bold", "offset": 1, "length": length},
				},
			},
		})
	},
	"webhook": func(d *desk, n int, evil string) {
		d.send("/hooks/board", http.Header{"Authorization": {"Bearer " + hookSecret}}, map[string]any{
			"id": fmt.Sprint(n), "author": evil, "title": evil, "link": "https://example.invalid/?" + url.QueryEscape(evil), "text": evil,
		})
		d.send("/hooks/board", http.Header{"Authorization": {"Bearer " + hookSecret}}, map[string]any{
			"id": fmt.Sprint("link ", n), "author": evil, "title": evil, "link": evil, "text": evil,
		})
	},
}

func (d *desk) slack(n int, event map[string]any) {
	d.t.Helper()
	d.send("/hooks/slack", http.Header{}, map[string]any{
		"type": "event_callback", "team_id": "T1", "event_id": fmt.Sprint("Ev", n), "event_time": 1767366000, "event": event,
	})
}

// inert reports what of the page could run or has run: nothing, if it is "".
const inert = `(() => {
	if (window.ran !== undefined) return "something ran";
	for (const e of document.querySelectorAll(".live-post *")) {
		if (e.matches("script, style, object, embed, form, input, textarea, select, svg:not(.post-placeholder, .embed-shape), math, base, meta, link, template, video, audio"))
			return e.outerHTML;
		for (const a of e.attributes)
			if (/^on|^srcdoc$|^style$|^formaction$/.test(a.name) || /^\s*(javascript|vbscript|data:text)/i.test(a.value.replace(/[\x00-\x20]/g, "")) && a.name !== "alt" && a.name !== "title")
				return e.outerHTML;
	}
	return "";
})()`

// TestNothingThatCameInRuns sends every attempt through every way in. The page shows them in Chromium, with its
// Content-Security-Policy and without it, and nothing runs.
func TestNothingThatCameInRuns(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	all := attempts()
	d := newDesk(t, all)
	d.channel(map[string]any{"title": all[0]})
	half := len(all) / 2
	for n, evil := range all[:half] {
		for _, in := range waysIn {
			in(d, n, evil)
		}
	}
	bare := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: "http", Host: d.addr}) },
		ModifyResponse: func(r *http.Response) error {
			r.Header.Del("Content-Security-Policy")
			return nil
		},
		FlushInterval: -1,
	})
	t.Cleanup(bare.Close)
	in := browser(t)
	pages := map[string]*tab{
		"with the policy": open(t, in, d.url), "without it": open(t, in, bare.URL+"/channels/"+string(channel)),
	}
	for n, evil := range all[half:] {
		for _, in := range waysIn {
			in(d, n+half, evil)
		}
	}
	// The feed is asked for some time after the channel is there.
	await(t, "all entries of the feed", func() bool { return d.sources()["wire"] == len(all) })
	var last struct{ ID motacilla.PostID }
	d.api(http.MethodPost, "channels/match/posts", map[string]any{"text": "the last", "pinned": true}, &last)
	for name, p := range pages {
		p.until(fmt.Sprintf(`document.querySelector("[data-post-id='%s']")`, last.ID))
		for range 40 { // what is older comes when it is asked for
			var more bool
			p.eval(`(() => { const a = document.querySelector("a[rel=next], .live-earlier a, [data-live-earlier]"); if (a) a.click(); return !!a })()`, &more)
			if !more {
				break
			}
		}
		p.eval(`document.querySelectorAll(".live-post *").forEach(e => { e.dispatchEvent(new MouseEvent("mouseover", {bubbles: true}));
			if (!e.closest("a[href^=http], a[href^='/']")) e.click?.() })`, nil)
		var bad string
		p.eval(inert, &bad)
		if bad != "" {
			t.Errorf("%s: %s", name, bad)
		}
	}
	seen := d.sources()
	t.Logf("%d attempts; posts by source: %v", len(all), seen)
	for _, source := range []string{"webapp", "slack", "telegram", "board", "wire"} {
		if seen[source] < len(all)/4 {
			t.Errorf("%d posts came from %s: then the attempts were not tried", seen[source], source)
		}
	}
}

// sources returns how many posts of the channel each source has.
func (d *desk) sources() map[string]int {
	d.t.Helper()
	seen := map[string]int{}
	for path := "channels/match/posts?limit=100"; ; {
		var page struct {
			Posts []struct{ Source string }
			Next  *string
		}
		d.api(http.MethodGet, path, nil, &page)
		for _, p := range page.Posts {
			seen[p.Source]++
		}
		if page.Next == nil {
			return seen
		}
		path = "channels/match/posts?limit=100&before=" + url.QueryEscape(*page.Next)
	}
}
