package r3labspublisher_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"runtime/pprof"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/examples/r3labspublisher"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/polling"
	"github.com/motacilla-live/motacilla/publisher/publishertest"
	"github.com/motacilla-live/motacilla/storage/memory"
	"go.uber.org/fx"
)

const path = "r3labs-sse/{channel_id}/"

// unpacedKey is set in the process that TestUnpaced starts.
const unpacedKey = "R3LABS_UNPACED"

// unkept are the cases of the suite that fail if the library is left to itself, and why.
var unkept = map[string]string{
	"SlowReader": "the library has a queue of 64 events for each reader, so a slow reader gets every edit of a post, " +
		"and not its newest state",
	"StalledReader": "the library sets no deadline for a write, so the connection of a reader that takes nothing stays open",
}

// TestConformance runs the whole suite. No case may fail.
func TestConformance(t *testing.T) {
	paced := os.Getenv(unpacedKey) == ""
	publishertest.Run(t, func(_ testing.TB, feed *publisher.Feed) publisher.Publisher {
		return r3labspublisher.New(feed, &r3labspublisher.Options{Path: path, Paced: paced})
	}, follow)
}

// TestUnpaced runs the suite with the library left to itself, in a process of its own. The cases in unkept must fail, and no
// others.
func TestUnpaced(t *testing.T) {
	if os.Getenv(unpacedKey) != "" {
		return // this is that process
	}
	if testing.Short() {
		t.Skip("it takes more than a minute until the suite gives up waiting")
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestConformance$", "-test.v")
	cmd.Env = append(os.Environ(), unpacedKey+"=1")
	out, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	results := regexp.MustCompile(`(?m)^ +--- (\w+): TestConformance/(\w+) `).FindAllSubmatch(out, -1)
	passed, failed := 0, 0
	for _, r := range results {
		result, test := string(r[1]), string(r[2])
		switch why := unkept[test]; {
		case result == "PASS" && why == "":
			passed++
		case result == "FAIL" && why != "":
			failed++
			t.Logf("%s fails: %s", test, why)
		case result == "PASS":
			t.Errorf("%s passes. Take it off the list, and tell docs/sse.md", test)
		default:
			t.Errorf("%s: %s, and it is not on the list", test, result)
		}
	}
	if passed == 0 || failed != len(unkept) {
		t.Errorf("%d cases passed, and %d of the %d on the list failed", passed, failed, len(unkept))
	}
	t.Logf("%d of %d cases pass", passed, len(results))
	if t.Failed() {
		t.Logf("%s", out)
	}
}

// TestIDs reads the bare events. Each has its revision as ID, and a reader resumes with Last-Event-ID.
func TestIDs(t *testing.T) {
	s, server := serve(t)
	one := s.Post(publishertest.Channel, "one")
	resp := server.Do(http.MethodGet, server.URL+"/live/r3labs-sse/match-42/")
	if kind := resp.Header.Get("Content-Type"); kind != "text/event-stream" {
		t.Errorf("the answer is %s with Content-Type %q, want text/event-stream", resp.Status, kind)
	}
	in := bufio.NewReader(resp.Body)
	first := event(t, in)
	if first["id"] != one.Revision.String() || first["retry"] == "" {
		t.Errorf("the first event is %q, want the id %d and a retry", first, one.Revision)
	}
	two := s.Post(publishertest.Channel, "two")
	for second := event(t, in); second["id"] != two.Revision.String(); second = event(t, in) {
		if second["id"] != one.Revision.String() || second["retry"] != "" { // a heartbeat
			t.Fatalf("then comes the event %q, want the id %d", second, two.Revision)
		}
	}
	for id, reset := range map[string]bool{one.Revision.String(): false, "no revision": true} {
		resp := server.Do(http.MethodGet, server.URL+"/live/r3labs-sse/match-42/", "Last-Event-ID", id)
		var u motacilla.Update
		if err := json.Unmarshal([]byte(event(t, bufio.NewReader(resp.Body))["data"]), &u); err != nil {
			t.Fatal(err)
		}
		if u.Revision != two.Revision || u.Reset != reset {
			t.Errorf("a reader that returns with %q gets an update to %d, reset %v, want to %d, %v", id, u.Revision, u.Reset, two.Revision, reset)
		}
	}
}

// TestGoroutines counts what a reader costs, by the functions that its goroutines run.
func TestGoroutines(t *testing.T) {
	const readers = 20
	s, server := serve(t)
	for range readers {
		conn := server.Dial() // has no goroutine on the reader's side
		if _, err := fmt.Fprintf(conn, "GET /live/r3labs-sse/match-42/ HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		in := bufio.NewReader(conn)
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		event(t, bufio.NewReader(resp.Body))
	}
	for _, function := range []string{
		"net/http.(*conn).serve(",
		"net/http.(*connReader).backgroundRead(",
		"github.com/r3labs/sse/v2.(*Server).ServeHTTP.func1(", // waits for the end of the request
		"github.com/r3labs/sse/v2.(*Stream).run.func1(",
		"r3labspublisher.(*Publisher).follow(",
	} {
		n := 0
		s.Eventually("each reader has a goroutine in "+function, func() bool {
			var stacks bytes.Buffer
			_ = pprof.Lookup("goroutine").WriteTo(&stacks, 2)
			n = 0
			for stack := range strings.SplitSeq(stacks.String(), "\n\n") {
				if strings.Contains(stack, function) {
					n++
				}
			}
			return n == readers
		})
	}
}

// serve serves a site with the publisher.
func serve(t *testing.T) (*publishertest.Site, *publishertest.Server) {
	s := publishertest.NewSite(t, nil)
	s.Add(r3labspublisher.New(s.Feed, nil))
	return s, s.Serve(nil)
}

// event reads one event, by its fields.
func event(t *testing.T, in *bufio.Reader) map[string]string {
	t.Helper()
	fields := map[string]string{}
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			t.Fatalf("read an event: %v", err)
		}
		if line == "\n" {
			return fields
		}
		field, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		fields[field] = value
	}
}

// follow reads one stream.
func follow(ctx context.Context, url string, since motacilla.Revision) iter.Seq2[*motacilla.Update, error] {
	return func(yield func(*motacilla.Update, error) bool) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s?since=%d", url, since), nil)
		if err != nil {
			yield(nil, err)
			return
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			yield(nil, err)
			return
		}
		defer resp.Body.Close()
		switch resp.StatusCode {
		case http.StatusOK:
		case http.StatusNotFound:
			yield(nil, motacilla.ErrNotFound)
			return
		case http.StatusServiceUnavailable:
			yield(nil, motacilla.ErrUnavailable)
			return
		default:
			yield(nil, fmt.Errorf("GET %s: %s", url, resp.Status))
			return
		}
		lines := bufio.NewReader(resp.Body)
		for {
			line, err := lines.ReadBytes('\n')
			if err != nil {
				return // the stream ended
			}
			data, is := bytes.CutPrefix(line, []byte("data: "))
			if !is {
				continue
			}
			var u motacilla.Update
			err = json.Unmarshal(data, &u)
			if !yield(&u, err) || err != nil {
				return
			}
		}
	}
}

// TestChosenByConfiguration runs the publisher in an app that has others too: the configuration names it.
func TestChosenByConfiguration(t *testing.T) {
	var server *app.Server
	in := &app.Input{YAML: []byte(`{server: {addr: "127.0.0.1:0"}, publishers: [{type: r3labs-sse}]}`), Env: []string{}}
	a := app.New(memory.Module, polling.Module, r3labspublisher.Module, fx.Supply(in), fx.Populate(&server))
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer a.Stop(context.Background())
	url, err := server.URL("r3labs-sse", "final")
	if err != nil || url != "/live/r3labs-sse/final/" {
		t.Errorf("URL(r3labs-sse, final) = %q, %v", url, err)
	}
	if _, err := server.URL("long-polling", "final"); err == nil {
		t.Error("the app has long polling too, which the configuration does not name")
	}
}
