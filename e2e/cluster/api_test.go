package cluster

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/page"
)

// request makes one request to the REST interface at base. An error is one of the network: the answer may have been lost.
func request(ctx context.Context, base, method, path string, in, out any) (status int, header http.Header, err error) {
	return requestBy(ctx, fresh, base, method, path, in, out)
}

func requestBy(
	ctx context.Context, by *http.Client, base, method, path string, in, out any,
) (status int, header http.Header, err error) {
	var body []byte
	if in != nil {
		if body, err = json.Marshal(in); err != nil {
			return 0, nil, err
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, base+"/api/channels"+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	resp, err := by.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, nil, err
	}
	if out != nil && resp.StatusCode < 300 {
		err = json.Unmarshal(answer, out)
	}
	return resp.StatusCode, resp.Header, err
}

// unread reports whether a node has closed a connection without an answer. One that stalls does so if it has not read the
// request in time. With -soak the machine is not so busy.
func unread(err error) bool {
	var of *url.Error
	if *soak || !errors.As(err, &of) {
		return false
	}
	const idle = "server closed idle connection" // net/http's error if the request was not sent yet; it has no name
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) ||
		errors.Is(err, syscall.EPIPE) || strings.HasSuffix(of.Err.Error(), idle)
}

// must makes a request and ends the test if it fails. While the store does not answer, the request is repeated.
func must(t *testing.T, base, method, path string, in, out any) {
	t.Helper()
	status, _, err := request(t.Context(), base, method, path, in, out)
	for late := time.Now().Add(hang); (status == http.StatusServiceUnavailable || unread(err)) && time.Now().Before(late); {
		pause(t.Context(), 50*time.Millisecond)
		status, _, err = request(t.Context(), base, method, path, in, out)
		if status == http.StatusConflict && method == http.MethodPost && path == "" {
			return // the channel was made, and the answer was late
		}
	}
	if err != nil || status >= 300 {
		t.Fatalf("%s %s: %d, %v", method, path, status, err)
	}
}

// postJSON is a post of the REST interface.
type postJSON struct {
	ID        motacilla.PostID     `json:"id"`
	MessageID string               `json:"message_id"`
	Author    string               `json:"author"`
	Created   time.Time            `json:"created"`
	Modified  time.Time            `json:"modified"`
	Show      bool                 `json:"show"`
	Pinned    bool                 `json:"pinned"`
	KeyEvent  bool                 `json:"key_event"`
	Content   []motacilla.RawBlock `json:"content"`
	Revision  motacilla.Revision   `json:"revision"`
}

func (p postJSON) post() motacilla.Post {
	content := make([]motacilla.Block, len(p.Content))
	for i, b := range p.Content {
		content[i] = b.Sanitise(motacilla.TrustedHTML) // the nodes have sanitised it
	}
	return motacilla.Post{
		ID: p.ID, MessageID: p.MessageID, Author: p.Author, Created: p.Created, Modified: p.Modified, Show: p.Show,
		Pinned: p.Pinned, KeyEvent: p.KeyEvent, Content: content, Revision: p.Revision,
	}
}

// listing is a channel and all its posts, oldest first.
type listing struct {
	channel motacilla.Channel
	posts   []motacilla.Post
}

// list reads a channel. Nothing may write to the channel meanwhile.
func list(t *testing.T, base string, ch motacilla.ChannelID) *listing {
	t.Helper()
	var c struct {
		Title    string             `json:"title"`
		Ended    time.Time          `json:"ended"`
		Revision motacilla.Revision `json:"revision"`
	}
	must(t, base, http.MethodGet, "/"+string(ch), nil, &c)
	l := &listing{channel: motacilla.Channel{ID: ch, Title: c.Title, Ended: c.Ended, Head: c.Revision}}
	for path := "/" + string(ch) + "/posts?limit=100"; path != ""; {
		var some struct {
			Posts []postJSON         `json:"posts"`
			Head  motacilla.Revision `json:"head"`
			Next  string             `json:"next"`
		}
		must(t, base, http.MethodGet, path, nil, &some)
		if some.Head != c.Revision {
			t.Fatalf("the listing is of revision %d, the channel at %d", some.Head, c.Revision)
		}
		for _, p := range some.Posts {
			l.posts = append(l.posts, p.post())
		}
		if path = ""; some.Next != "" {
			path = "/" + string(ch) + "/posts?limit=100&before=" + some.Next
		}
	}
	slices.Reverse(l.posts)
	return l
}

// renders returns the visible posts as readers should have them.
func (l *listing) renders(t *testing.T) []motacilla.Render {
	t.Helper()
	renderer := page.NewRenderer()
	var all []motacilla.Render
	for _, p := range l.posts {
		if !p.Show {
			continue
		}
		html, err := renderer.RenderPost(p)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, motacilla.Render{
			ID: p.ID, Show: true, Content: html.String(), Created: p.Created, Modified: p.Modified, Pinned: p.Pinned,
			Revision: p.Revision,
		})
	}
	return all
}

func (l *listing) String() string {
	text := fmt.Sprintf("%s at %d\n", l.channel.ID, l.channel.Head)
	for _, p := range l.posts {
		text += fmt.Sprintf("  %s %s at %d\n", p.ID, p.MessageID, p.Revision)
	}
	return text
}
