package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/client"
	"github.com/motacilla-live/motacilla/internal/leaktest"
)

func TestWithoutFx(t *testing.T) {
	defer leaktest.None(t)
	defer http.DefaultClient.CloseIdleConnections()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	base := "http://" + listener.Addr().String()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, listener, filepath.Join(t.TempDir(), "live.db"), "s3cret") }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()

	c, err := client.New(base, &client.Options{Token: "s3cret"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseIdleConnections()
	for _, n := range []client.NewChannel{{ID: "match-42", Title: "Final"}, {ID: "private", Access: motacilla.Private}} {
		if _, err := c.CreateChannel(ctx, n); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.CreatePost(ctx, "match-42", client.NewPost{Text: "Kick-off"}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path   string
		status int
		body   string
	}{
		{"/channels/match-42", 200, "Kick-off"}, {"/channels/private", 403, "private"}, {"/channels/none", 404, ""},
		{"/live/sse/private/", 403, ""}, {"/channels/match-42/transports", 200, "/live/long-polling/match-42/"},
		{"/api/openapi.json", 200, `"/live/sse/{channel_id}"`}, {"/live/websocket/match-42/", 404, ""},
	} {
		resp, err := http.Get(base + c.path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != c.status || !strings.Contains(string(body), c.body) {
			t.Errorf("GET %s: %s %s %v", c.path, resp.Status, body, err)
		}
	}
	for _, transport := range []string{"sse", "long-polling"} {
		var view motacilla.View
		for u, err := range c.Follow(ctx, "match-42", &client.FollowOptions{Transports: []string{transport}}) {
			if err != nil {
				t.Fatal(err)
			}
			view.Apply(&u, u.Reset)
			if n := len(view.Renders()); n == 1 {
				if _, err := c.CreatePost(ctx, "match-42", client.NewPost{Text: "Goal!", MessageID: transport}); err != nil {
					t.Fatal(err)
				}
			} else if strings.Contains(view.Renders()[n-1].Content, "Goal!") {
				break
			}
		}
	}
}

// TestNoApp: the app does not compile package app.
func TestNoApp(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range strings.Fields(string(out)) {
		if strings.HasSuffix(path, "motacilla/app") || strings.Contains(path, "github.com/spf13") || strings.Contains(path, "go.yaml.in") {
			t.Errorf("compiles %s", path)
		}
	}
}
