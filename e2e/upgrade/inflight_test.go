//go:build linux

package upgrade

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
)

// TestRequestsUnderWay upgrades a server while a post and a large image are being sent to it: half of each comes before the upgrade,
// a part while it goes on, and the rest after it. Both are acknowledged and are there once, also if they are sent again.
func TestRequestsUnderWay(t *testing.T) {
	stores(t, func(t *testing.T, _ string, flags []string) {
		s := newServer(t, false, yaml, flags...)
		s.start()
		s.must(http.MethodPost, "/api/channels", []byte(`{"id":"match"}`), http.StatusCreated, nil)
		s.must(http.MethodPost, "/api/channels", []byte(`{"id":"twice"}`), http.StatusCreated, nil)
		twice := s.twice()
		for i := range 2 {
			from := len(s.logged())
			post := fmt.Appendf(nil, `{"message_id":"m%d","text":"%s"}`, i, strings.Repeat("It is raining. ", 1000))
			sent := []*sending{
				s.send("/api/channels/match/posts", "application/json", "", post),
				s.send("/api/media?alt=Rain", "image/jpeg", fmt.Sprint("key", i), picture(t)),
			}
			for _, one := range sent {
				one.taken(t)
			}
			upgraded := make(chan error, 1)
			go func() {
				_, err := s.upgrade()
				upgraded <- err
			}()
			s.says(from, "The new process is ready.")
			for _, one := range sent {
				close(one.gates[1])
			}
			s.says(from, "a new process has taken over")
			for _, one := range sent {
				close(one.gates[2])
			}
			for _, one := range sent {
				one.acknowledged(s, from)
			}
			if err := <-upgraded; err != nil {
				t.Fatal(err)
			}
		}
		var page struct {
			Posts []struct {
				MessageID string `json:"message_id"`
			}
		}
		s.must(http.MethodGet, "/api/channels/match/posts", nil, http.StatusOK, &page)
		twice()
		if len(page.Posts) != 2 || page.Posts[0].MessageID != "m1" || page.Posts[1].MessageID != "m0" {
			t.Errorf("the posts are %v", page.Posts)
		}
		s.stop()
	})
}

// picture is a small image of 5 MB: most of it is comments.
func picture(t *testing.T) []byte {
	t.Helper()
	var small bytes.Buffer
	if err := jpeg.Encode(&small, image.NewGray(image.Rect(0, 0, 64, 48)), nil); err != nil {
		t.Fatal(err)
	}
	large := bytes.Clone(small.Bytes()[:2])
	for len(large) < 5e6 {
		large = append(large, 0xff, 0xfe, 0xff, 0xff)
		large = append(large, bytes.Repeat([]byte{' '}, 0xffff-2)...)
	}
	return append(large, small.Bytes()[2:]...)
}

// sending is a request whose body is sent in three parts.
type sending struct {
	t               *testing.T
	path, kind, key string
	body            []byte
	gates           [3]chan struct{} // closed when a part may be sent
	reads           chan struct{}    // closed when a process reads the body
	status          int
	answer          []byte
	err             error
	over            chan struct{}
}

func (s *server) send(path, kind, key string, body []byte) *sending {
	s.t.Helper()
	g := &sending{t: s.t, path: path, kind: kind, key: key, body: body, reads: make(chan struct{}), over: make(chan struct{})}
	for i := range g.gates {
		g.gates[i] = make(chan struct{})
	}
	close(g.gates[0])
	in, out := io.Pipe()
	trace := &httptrace.ClientTrace{Got100Continue: func() { close(g.reads) }}
	r, err := http.NewRequestWithContext(httptrace.WithClientTrace(s.t.Context(), trace), http.MethodPost, s.url+path, in)
	if err != nil {
		s.t.Fatal(err)
	}
	r.ContentLength = int64(len(body))
	g.header(r)
	r.Header.Set("Expect", "100-continue")
	go g.feed(out)
	go func() {
		defer close(g.over)
		by := &http.Transport{DisableKeepAlives: true, ExpectContinueTimeout: patience}
		resp, err := (&http.Client{Transport: by, Timeout: patience}).Do(r)
		if g.err = err; err == nil {
			g.status = resp.StatusCode
			g.answer, g.err = io.ReadAll(resp.Body)
			_ = resp.Body.Close()
		}
	}()
	return g
}

func (g *sending) header(r *http.Request) {
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", g.kind)
	if g.key != "" {
		r.Header.Set("Idempotency-Key", g.key)
	}
}

// feed sends a part of the body when its gate is open.
func (g *sending) feed(out *io.PipeWriter) {
	third := len(g.body) / 3
	for i, part := range [][]byte{g.body[:third], g.body[third : 2*third], g.body[2*third:]} {
		select {
		case <-g.gates[i]:
		case <-g.over:
		}
		if _, err := out.Write(part); err != nil {
			return
		}
	}
	_ = out.Close()
}

// taken waits until a process has read the head of the request, and wants its body.
func (g *sending) taken(t *testing.T) {
	t.Helper()
	select {
	case <-g.reads:
	case <-g.over:
		t.Fatalf("%s: %d %s, %v", g.path, g.status, g.answer, g.err)
	}
}

// acknowledged checks that the request succeeded, and that another one like it brings the same. A process that is stalled by a busy
// machine for longer than a drain lasts cuts requests off. Its log says so, from the place on. Then another one succeeds.
func (g *sending) acknowledged(s *server, from int) {
	s.t.Helper()
	<-g.over
	cut := strings.Contains(s.logged()[from:], "requests were cut off")
	if (g.err != nil || g.status != http.StatusCreated) && !cut {
		s.t.Errorf("%s: %d %.300s, %v; expected 201", g.path, g.status, g.answer, g.err)
		return
	}
	var first, second struct {
		ID motacilla.PostID
	}
	for range 2 {
		r, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.url+g.path, bytes.NewReader(g.body))
		if err != nil {
			s.t.Fatal(err)
		}
		g.header(r)
		status, answer, err := do(fresh, r)
		if err == nil {
			err = json.Unmarshal(answer, &second)
		}
		if err != nil || status != http.StatusOK && (status != http.StatusCreated || !cut) {
			s.t.Errorf("%s again: %d %.300s, %v; expected 200", g.path, status, answer, err)
		}
		if json.Unmarshal(g.answer, &first) == nil && first.ID != second.ID {
			s.t.Errorf("%s again has made %s, after %s", g.path, second.ID, first.ID)
		}
	}
}
