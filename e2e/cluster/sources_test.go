package cluster

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
)

// source is where messages come from.
type source struct {
	name   string
	config string // lines of the configuration: the receiver, and what it needs
	images bool   // whether its messages may have an image that the node fetches
	// request makes the request by which the source delivers a message to the node at base.
	request func(base string, m sourceMessage) (*http.Request, error)
	// message is the ID that the post of a message has.
	message func(m sourceMessage) string
}

// sourceMessage is a message to the channel of the tests.
type sourceMessage struct {
	id    int
	text  string
	image string // the URL of its image; "" if it has none
}

func (m sourceMessage) name() string { return fmt.Sprintf("message-%d", m.id) }

// sources are the receivers of the tests below.
func sources() []source {
	return []source{
		{
			name: "webapp", message: sourceMessage.name,
			request: func(base string, m sourceMessage) (*http.Request, error) {
				r, err := jsonRequest(base+"/api/channels/"+string(match)+"/posts", map[string]any{"message_id": m.name(), "text": m.text})
				if err == nil {
					r.Header.Set("Authorization", "Bearer "+token)
				}
				return r, err
			},
		},
		{
			name: "pictures", config: "  - {type: pictures}\n", images: true, message: sourceMessage.name,
			request: func(base string, m sourceMessage) (*http.Request, error) {
				return jsonRequest(base+"/pictures", map[string]any{
					"channel": match, "id": m.name(), "text": m.text, "image": m.image,
				})
			},
		},
	}
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
	flags  []string
	nodes  []*node
	taken  []string // the IDs of the messages that were acknowledged, in their order
}

func newSite(t *testing.T, b *backend, s source, nodes int) *site {
	t.Helper()
	made := &site{t: t, source: s, flags: append(b.flags(b.addr), "--media.type", "local", "--media.path", filepath.Join(t.TempDir(), "media"))}
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
	s.nodes[i] = startProgram(s.t, program{
		path: path, config: config + "receivers:\n  - {type: webapp}\n" + s.source.config, away: 1, // app.Main has one status for all
	}, s.flags...)
}

func (s *site) base(i int) string { return "http://" + s.nodes[i].addr }

// deliver delivers a message to a node once.
func (s *site) deliver(base string, m sourceMessage) error {
	r, err := s.source.request(base, m)
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
			s.taken = append(s.taken, s.source.message(m))
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
				s := newSite(t, b, src, 2)
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
					for id := range messages {
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
					seen[p.MessageID]++
				}
				for id := range messages {
					if n := seen[src.message(sourceMessage{id: id})]; n != 1 {
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

// errNoImage says that a post's image is not there yet.
var errNoImage = errors.New("the image is pending")

// image returns the image of the post of a message.
func (s *site) image(i int, m sourceMessage) (found motacilla.Block, err error) {
	s.t.Helper()
	images := 0
	for _, p := range list(s.t, s.base(i), match).posts {
		if p.MessageID != s.source.message(m) {
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
