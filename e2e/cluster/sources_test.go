package cluster

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
)

// source is where messages come from.
type source struct {
	name   string
	images bool // whether its messages may have the gallery's image, which the node fetches
	// config returns the receiver's line of the configuration. api is the URL of the gallery, which answers for the source.
	config func(api string) string
	// request makes the request by which the source delivers a message to the node at base.
	request func(base, api string, m sourceMessage) (*http.Request, error)
}

// sourceMessage is a message to the channel of the tests.
type sourceMessage struct {
	id    int // from 1
	text  string
	image bool
}

// The secrets of the sources.
const (
	slackSecret   = "a-signing-secret"
	telegramToken = "123456789:AAE-token_of_the_cluster_0123456789abcd"
	webhookSecret = "a-secret-of-the-webhook"
)

// sources are the receivers of the tests below.
func sources() []source {
	return []source{
		{"webapp", false, func(string) string { return "" }, webappRequest},
		{"pictures", true, func(string) string { return "{type: pictures}" }, picturesRequest},
		{"webhook", true, func(string) string {
			return fmt.Sprintf(`{type: webhook, name: cluster, verify: bearer, secrets: [%s], channel: %s, message_id: "m{{.id}}", text: "{{.text}}", image: [$.image]}`,
				webhookSecret, match)
		}, webhookRequest},
		{"slack", true, func(api string) string {
			return fmt.Sprintf(`{type: slack, bot_token: xoxb-1, signing_secrets: [%s], channels: [C024BE91L=%s], authors: false, check: false, api_url: "%s/api/"}`,
				slackSecret, match, api)
		}, slackRequest},
		{"telegram", true, func(api string) string {
			return fmt.Sprintf(`{type: telegram, token: "%s", secret: %s, channels: ["-100123=%s"], api: "%s"}`, telegramToken, webhookSecret, match, api)
		}, telegramRequest},
	}
}

func webappRequest(base, _ string, m sourceMessage) (*http.Request, error) {
	r, err := jsonRequest(base+"/api/channels/"+string(match)+"/posts", map[string]any{"message_id": fmt.Sprint(m.id), "text": m.text})
	if err == nil {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return r, err
}

func picturesRequest(base, api string, m sourceMessage) (*http.Request, error) {
	body := map[string]any{"channel": match, "id": fmt.Sprint(m.id), "text": m.text}
	if m.image {
		body["image"] = api + picture
	}
	return jsonRequest(base+"/pictures", body)
}

func webhookRequest(base, api string, m sourceMessage) (*http.Request, error) {
	body := map[string]any{"id": m.id, "text": m.text}
	if m.image {
		body["image"] = api + picture
	}
	r, err := jsonRequest(base+"/hooks/cluster", body)
	if err == nil {
		r.Header.Set("Authorization", "Bearer "+webhookSecret)
	}
	return r, err
}

// slackRequest is an event of https://docs.slack.dev/reference/events/message.
func slackRequest(base, api string, m sourceMessage) (*http.Request, error) {
	event := map[string]any{
		"type": "message", "channel": "C024BE91L", "channel_type": "channel", "user": "U024BE7LH", "text": m.text,
		"ts": fmt.Sprintf("1700000000.%06d", m.id),
	}
	if m.image {
		event["subtype"] = "file_share"
		event["files"] = []any{map[string]any{
			"id": "F024BERPE", "name": "goal.png", "mimetype": "image/png", "filetype": "png", "mode": "hosted",
			"url_private": api + picture, "url_private_download": api + picture, "created": 1700000000,
		}}
	}
	body, err := json.Marshal(map[string]any{
		"type": "event_callback", "team_id": "T024BE7LD", "event_id": fmt.Sprintf("Ev%08d", m.id), "event_time": 1700000000, "event": event,
	})
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequest(http.MethodPost, base+"/hooks/slack", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	now := fmt.Sprint(time.Now().Unix())
	mac := hmac.New(sha256.New, []byte(slackSecret))
	fmt.Fprintf(mac, "v0:%s:%s", now, body)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Slack-Request-Timestamp", now)
	r.Header.Set("X-Slack-Signature", "v0="+hex.EncodeToString(mac.Sum(nil)))
	return r, nil
}

// telegramRequest is an update of https://core.telegram.org/bots/api#update.
func telegramRequest(base, _ string, m sourceMessage) (*http.Request, error) {
	message := map[string]any{
		"message_id": m.id, "date": 1760000000 + m.id, "chat": map[string]any{"id": -100123, "type": "supergroup", "title": "Desk"},
		"from": map[string]any{"id": 7, "is_bot": false, "first_name": "Ann"},
	}
	if m.image {
		message["caption"] = m.text
		message["photo"] = []any{map[string]any{"file_id": "f1", "file_unique_id": "u1", "width": 800, "height": 600, "file_size": 1000}}
	} else {
		message["text"] = m.text
	}
	r, err := jsonRequest(base+"/telegram/123456789", map[string]any{"update_id": m.id, "message": message})
	if err == nil {
		r.Header.Set("X-Telegram-Bot-Api-Secret-Token", webhookSecret)
	}
	return r, err
}

func jsonRequest(url string, body any) (*http.Request, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(text))
	if err == nil {
		r.Header.Set("Content-Type", "application/json")
	}
	return r, err
}

// pictureNode builds picturenode with the race detector, once. Its folder is removed with that of binary.
var pictureNode = sync.OnceValues(func() (string, error) {
	path := filepath.Join(filepath.Dir(binary), "picturenode")
	build := exec.Command("go", "build", "-race", "-o", path, "./picturenode")
	build.Stdout, build.Stderr, build.Env = os.Stderr, os.Stderr, append(os.Environ(), "CGO_ENABLED=1")
	return path, build.Run()
})

// site is nodes with the receiver of a source, over one store and one folder of images.
type site struct {
	t      *testing.T
	source source
	api    string // the URL of the gallery
	flags  []string
	nodes  []*node
	taken  []string // the texts of the messages that were acknowledged, in their order
}

func newSite(t *testing.T, b *backend, s source, g *gallery, nodes int) *site {
	t.Helper()
	made := &site{t: t, source: s, api: g.server.URL}
	made.flags = append(b.flags(b.addr), "--media.type", "local", "--media.path", filepath.Join(t.TempDir(), "media"))
	for i := range nodes {
		made.nodes = append(made.nodes, nil)
		made.start(i)
	}
	must(t, made.base(0), http.MethodPost, "", map[string]any{"id": match}, nil)
	return made
}

func (s *site) start(i int) {
	s.t.Helper()
	path, err := pictureNode()
	if err != nil {
		s.t.Fatal(err)
	}
	file := config + "outbound: {allow: [127.0.0.0/8]}\nreceivers:\n  - {type: webapp}\n"
	if line := s.source.config(s.api); line != "" {
		file += "  - " + line + "\n"
	}
	s.nodes[i] = startProgram(s.t, program{path: path, config: file, away: 1}, s.flags...) // app.Main has one status for all errors
}

func (s *site) base(i int) string { return "http://" + s.nodes[i].addr }

// deliver delivers a message to a node once.
func (s *site) deliver(base string, m sourceMessage) error {
	r, err := s.source.request(base, s.api, m)
	if err != nil {
		return err
	}
	resp, err := plain.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if said := problem(resp); resp.StatusCode >= 300 {
		return fmt.Errorf("message %d is answered with %s %s", m.id, resp.Status, said)
	}
	return nil
}

// takes delivers a message until it is acknowledged, as sources do.
func (s *site) takes(i int, m sourceMessage) {
	s.t.Helper()
	for late := time.Now().Add(hang); ; pause(s.t.Context(), 100*time.Millisecond) {
		err := s.deliver(s.base(i), m)
		if err == nil {
			s.taken = append(s.taken, m.text)
			return
		}
		if time.Now().After(late) {
			s.t.Fatal(err)
		}
	}
}

// TestBurst delivers 1,000 messages to two nodes at once, of which one is killed in the middle. Each becomes exactly one post.
func TestBurst(t *testing.T) {
	const messages, workers = 1000, 16
	each(t, func(t *testing.T, b *backend) {
		for _, src := range sources() {
			t.Run(src.name, func(t *testing.T) {
				s := newSite(t, b, src, newGallery(t, 1000, 1000, 0), 2)
				var acked atomic.Int64
				half, queue := make(chan struct{}), make(chan int)
				bases := []string{s.base(0), s.base(1)}
				var sending sync.WaitGroup
				ctx, cancel := context.WithTimeout(t.Context(), 2*hang)
				defer cancel()
				for range workers {
					sending.Go(func() {
						for id := range queue {
							m := sourceMessage{id: id, text: fmt.Sprint("text ", id)}
							for attempt := id; ; attempt++ { // a source delivers it again, to whichever node answers
								err := s.deliver(bases[attempt%2], m)
								if err == nil {
									break
								}
								if pause(ctx, 20*time.Millisecond); ctx.Err() != nil {
									t.Errorf("message %d is not taken: %v", id, err)
									return
								}
							}
							if acked.Add(1) == messages/2 {
								close(half)
							}
						}
					})
				}
				began := time.Now()
				sending.Go(func() {
					defer close(queue)
					for id := 1; id <= messages; id++ {
						select {
						case queue <- id:
						case <-ctx.Done():
							return
						}
					}
				})
				select {
				case <-half:
					s.nodes[0].kill()
				case <-ctx.Done():
				}
				sending.Wait()
				took := time.Since(began)
				seen := make(map[string]int)
				for _, p := range list(t, s.base(1), match).posts {
					seen[text(p)]++
				}
				for id := 1; id <= messages; id++ {
					if n := seen[fmt.Sprint("text ", id)]; n != 1 {
						t.Errorf("message %d has become %d posts", id, n)
					}
				}
				if len(seen) != messages {
					t.Errorf("%d messages have become posts of %d messages", messages, len(seen))
				}
				t.Logf("%d messages in %v", messages, took.Round(time.Millisecond))
				must(t, s.base(1), http.MethodDelete, "/"+string(match), nil, nil)
			})
		}
	})
}

// text returns the text of a post.
func text(p motacilla.Post) string {
	var all []string
	for _, b := range p.Content {
		if b.Type == motacilla.TextBlock {
			all = append(all, tags.ReplaceAllString(b.Text.String(), ""))
		}
	}
	return strings.Join(all, " ")
}

var tags = regexp.MustCompile(`<[^>]*>`)

// errNoImage says that a post's image is not there yet.
var errNoImage = errors.New("the image is pending")

// image returns the image of the post of a message.
func (s *site) image(i int, m sourceMessage) (found motacilla.Block, err error) {
	s.t.Helper()
	images := 0
	for _, p := range list(s.t, s.base(i), match).posts {
		if text(p) != m.text {
			continue
		}
		for _, b := range p.Content {
			if b.Type == motacilla.ImageBlock {
				found = b
				images++
			}
		}
	}
	switch {
	case images != 1:
		return found, fmt.Errorf("the post has %d images", images)
	case found.Pending:
		return found, errNoImage
	}
	return found, nil
}
