//go:build linux

package upgrade

import (
	"bufio"
	"context"
	"net/http"
	"strings"
	"testing"
)

// TestRevokedAfterAnUpgrade: the streams of a token go on in the new process. When the token is revoked there, they end, and those of
// another token go on. A token that is revoked while nobody serves its streams, ends them as well.
func TestRevokedAfterAnUpgrade(t *testing.T) {
	t.Parallel()
	s := newServer(t, false, yaml, backends["sqlite"](t)...)
	s.start()
	s.must(http.MethodPost, "/api/channels", []byte(`{"id":"closed","access":"private"}`), 201, nil)
	secrets := map[string]string{}
	for _, name := range []string{"anna", "ben", "cleo"} {
		var made struct{ Secret string }
		s.must(http.MethodPost, "/api/access/tokens", []byte(`{"name":"`+name+`","rights":[{"role":"reader"}]}`), 201, &made)
		secrets[name] = made.Secret
	}
	anna, ben, cleo := s.follows(secrets["anna"]), s.follows(secrets["ben"]), s.follows(secrets["cleo"])
	goal := func(readers ...*private) {
		t.Helper()
		var made struct{ ID string }
		s.must(http.MethodPost, "/api/channels/closed/posts", []byte(`{"text":"Goal"}`), 201, &made)
		for _, r := range readers {
			r.hears(made.ID)
		}
	}
	goal(anna, ben, cleo)
	for range 2 { // a process that was taken over from is taken over from again
		if count, err := s.upgrade(); err != nil || count.Refused > 0 {
			t.Fatalf("upgrade: %+v, %v", count, err)
		}
		goal(anna, ben, cleo)
	}
	s.must(http.MethodDelete, "/api/access/tokens/anna", nil, 204, nil)
	anna.ends()
	goal(ben, cleo)
	s.must(http.MethodDelete, "/api/access/tokens/ben", nil, 204, nil)
	if _, err := s.upgrade(); err != nil {
		t.Fatal(err)
	}
	ben.ends()
	goal(cleo)
	s.stop()
}

// private is a stream of a private channel.
type private struct {
	*server
	lines *bufio.Scanner
}

func (s *server) follows(secret string) *private {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.url+"/live/sse/closed", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+secret)
	r.Header.Set("Accept-Encoding", "identity") // a stream in a coding has no end when its permission has
	resp, err := (&http.Client{Transport: fresh.Transport}).Do(r)
	if err != nil || resp.StatusCode != http.StatusOK {
		s.t.Fatal(resp, err)
	}
	stop := context.AfterFunc(s.t.Context(), func() { _ = resp.Body.Close() })
	s.t.Cleanup(func() { stop(); _ = resp.Body.Close() })
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	return &private{s, lines}
}

// hears reads until a line has the text.
func (p *private) hears(text string) {
	p.t.Helper()
	for p.lines.Scan() {
		if strings.Contains(p.lines.Text(), text) {
			return
		}
	}
	p.t.Fatalf("the stream ended before %s came: %v", text, p.lines.Err())
}

// ends reads to the end. A reader that is drained would be told when to come back.
func (p *private) ends() {
	p.t.Helper()
	var last string
	for p.lines.Scan() {
		if line := p.lines.Text(); line != "" {
			last = line
		}
	}
	if err := p.lines.Err(); err != nil || strings.HasPrefix(last, "retry:") {
		p.t.Errorf("the stream ended with %q, %v", last, err)
	}
}
