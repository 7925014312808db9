package sqlite_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/publisher/sse"
	"github.com/motacilla-live/motacilla/receiver/webapp"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/sqlite"
	"go.uber.org/fx"
)

// site is the whole app over an SQLite file.
type site struct {
	*testing.T
	base   string
	store  storage.Store
	client http.Client
	reader *bufio.Reader // of a connected reader's events
}

func serve(t *testing.T, path string) *site {
	t.Helper()
	var server *app.Server
	s := &site{T: t}
	in := &app.Input{
		YAML: fmt.Appendf(nil, "storage: {type: sqlite, path: %q}\npublishers: [{type: sse}]\n", path), Env: []string{},
		Flags: map[string]string{"server.addr": "127.0.0.1:0", "server.token": "s3cret", "log.level": "error"},
	}
	a := app.New(sqlite.Module, sse.Module, webapp.Module, fx.Supply(in), fx.Populate(&server, &s.store))
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.client.CloseIdleConnections()
		if err := a.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	s.client.Transport = &http.Transport{}
	s.base = "http://" + server.Addr().String()
	if resp, body := s.write("/api/channels", `{"id":"c"}`); resp.StatusCode != http.StatusCreated {
		t.Fatalf("make the channel: %s %s", resp.Status, body)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.base+"/live/sse/c/", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	s.reader = bufio.NewReader(resp.Body)
	s.sees(`"from":0`)
	return s
}

func (s *site) write(path, body string) (*http.Response, []byte) {
	s.Helper()
	req, err := http.NewRequestWithContext(s.Context(), http.MethodPost, s.base+path, strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer s3cret")
	req.Header.Set("Content-Type", "application/json")
	return s.do(req)
}

func (s *site) do(req *http.Request) (*http.Response, []byte) {
	s.Helper()
	resp, err := s.client.Do(req)
	if err != nil {
		s.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		s.Fatal(err)
	}
	return resp, body
}

// sees reads the connected reader's events up to one with the text.
func (s *site) sees(text string) {
	s.Helper()
	for {
		line, err := s.reader.ReadBytes('\n')
		if err != nil {
			s.Fatalf("the reader is gone before it sees %q: %v", text, err)
		}
		if bytes.Contains(line, []byte(text)) {
			return
		}
	}
}

// refuses checks that a write was refused for the reason, and that reading goes on.
func (s *site) refuses(resp *http.Response, body []byte, reason string) {
	s.Helper()
	var p route.Problem
	after, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	if resp.StatusCode != http.StatusServiceUnavailable || err != nil || after < 1 ||
		json.Unmarshal(body, &p) != nil || !strings.Contains(p.Detail, reason) {
		s.Errorf("a write: %s, Retry-After %q, %s", resp.Status, resp.Header.Get("Retry-After"), body)
	}
	for _, path := range []string{"/api/channels/c/posts", "/channels/c", "/readyz"} {
		req, err := http.NewRequestWithContext(s.Context(), http.MethodGet, s.base+path, nil)
		if err != nil {
			s.Fatal(err)
		}
		if resp, body := s.do(req); resp.StatusCode != http.StatusOK {
			s.Errorf("%s meanwhile: %s %s", path, resp.Status, body)
		}
	}
}

// goesOn checks that writing goes on by itself, and that the reader who was there sees it.
func (s *site) goesOn() {
	s.Helper()
	resp, body := s.write("/api/channels/c/posts", `{"text":"afterwards"}`)
	if resp.StatusCode != http.StatusCreated {
		s.Fatalf("afterwards: %s %s", resp.Status, body)
	}
	s.sees("afterwards")
}

func TestAppOnFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=2m"); err != nil {
		t.Skipf("needs to mount a tmpfs, which is root's: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	s := serve(t, filepath.Join(dir, "live.db"))
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	large := fmt.Sprintf(`{"text":"%s"}`, strings.Repeat("x", 60<<10))
	stored := 0
	for ; ; stored++ {
		resp, body := s.write("/api/channels/c/posts", large)
		if resp.StatusCode != http.StatusCreated {
			s.refuses(resp, body, "the disk is full")
			break
		}
		if stored > 100 {
			t.Fatal("the disk is never full")
		}
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	s.goesOn()
	page, err := s.store.Posts(t.Context(), "c", motacilla.Query{Limit: 200})
	if err != nil || len(page.Posts) != stored+1 {
		t.Errorf("%d posts (%v), want the %d that were acknowledged", len(page.Posts), err, stored+1)
	}
}

func TestAppOnReadOnlyFile(t *testing.T) {
	s := serve(t, filepath.Join(t.TempDir(), "live.db"))
	store, ok := s.store.(*sqlite.Store)
	if !ok {
		t.Fatalf("the store is a %T", s.store)
	}
	if err := store.SetReadOnly(true); err != nil {
		t.Fatal(err)
	}
	resp, body := s.write("/api/channels/c/posts", `{"text":"meanwhile"}`)
	s.refuses(resp, body, "the file is read-only")
	if err := store.SetReadOnly(false); err != nil {
		t.Fatal(err)
	}
	s.goesOn()
}
