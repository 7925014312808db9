package main

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/client"
)

// SIGTERM ends the program while hundreds of polls are held. Each is answered, and the exit code is 0.
func TestDrain(t *testing.T) {
	t.Parallel()
	const held = 300
	cmd := program(t, "serve", "--storage.type", "memory", "--server.addr", "127.0.0.1:0", "--server.token", "s3cret",
		"--publishers.long-polling.hold", "1h") // only the drain answers
	out := newLines()
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	base := "http://" + regexp.MustCompile(`127\.0\.0\.1:[0-9]+`).FindString(out.await(t, `"}`))
	transport := &http.Transport{MaxIdleConnsPerHost: held}
	defer transport.CloseIdleConnections()
	h := &http.Client{Transport: transport}
	c, err := client.New(base, &client.Options{Token: "s3cret", HTTP: h})
	if err != nil {
		t.Fatal(err)
	}
	channel, err := c.CreateChannel(t.Context(), client.NewChannel{ID: "full"})
	if err != nil {
		t.Fatal(err)
	}
	answers := make(chan string, held)
	for range held {
		go func() {
			resp, err := h.Get(fmt.Sprintf("%s/live/long-polling/full/?since=%d", base, channel.Revision))
			if err != nil {
				answers <- err.Error()
				return
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			answers <- fmt.Sprint(resp.StatusCode, " ", err, " ", strings.Contains(string(body), `"renders":{}`))
		}()
	}
	for begin := time.Now(); ; {
		resp, err := h.Get(base + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if strings.Contains(string(body), fmt.Sprintf(`motacilla_readers{publisher="long-polling"} %d`, held)) {
			break
		}
		if time.Since(begin) > patience {
			t.Fatal("the polls are not held")
		}
	}
	stop(t, cmd, syscall.SIGTERM, out)
	for range held {
		if got := <-answers; got != "200 <nil> true" {
			t.Fatalf("a held poll got %s", got)
		}
	}
}
