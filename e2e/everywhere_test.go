package e2e

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// These are the checks for a site that is below a path, in whatever app or behind whatever proxy it is. at is the URL of the
// site as its readers have it.

// prefer makes a page begin with a transport, as if it had worked before.
func prefer(transport string) string {
	return fmt.Sprintf(`sessionStorage.setItem("motacilla-transport", JSON.stringify({name: %q, at: Date.now()}))`, transport)
}

// followsOverEveryTransport opens a page for each transport. All show new posts, edits and removals, and have lost and
// repeated nothing after a restart of the program.
func followsOverEveryTransport(t *testing.T, s *program, at string) {
	t.Helper()
	s.post("one")
	tabs := map[string]*tab{}
	for _, name := range everyTransport {
		tabs[name] = open(t, browser(t), at+"/channels/"+string(channel), prefer(name), holdTimers(firstUpdate))
	}
	all := func(texts ...string) {
		t.Helper()
		for _, p := range tabs {
			p.shows(texts...)
		}
	}
	lives := func() {
		t.Helper()
		for _, p := range tabs {
			p.live()
		}
	}
	lives()
	two := s.post("two")
	three := s.post("three")
	all("three", "two", "one")
	s.edit(two, text{"text": "two, edited"})
	all("three", "two, edited", "one")
	s.remove(three)
	all("two, edited", "one")
	for name, p := range tabs {
		if used := transports(p); !slices.Equal(used, []string{name}) {
			t.Errorf("the page asked %q, want %s alone", used, name)
		}
		p.loadedEverything()
	}

	s.post("right before")
	s.stop()
	for _, p := range tabs {
		p.until(`document.querySelector("[data-live-status=reconnecting]")`)
	}
	s.start()
	s.post("right after")
	s.remove(two)
	all("right after", "right before", "one")
	lives()
	s.post("the last")
	all("the last", "right after", "right before", "one")
	for _, p := range tabs {
		p.close()
	}
}

// loadedEverything checks that no script, style or picture of the page is missing.
func (p *tab) loadedEverything() {
	p.t.Helper()
	var missing []string
	p.eval(`performance.getEntriesByType("resource").filter(e => e.responseStatus >= 400 || e.responseStatus === 0 &&
		["script", "link", "css", "img"].includes(e.initiatorType)).map(e => e.responseStatus + " " + e.name)`, &missing)
	if len(missing) > 0 {
		p.t.Errorf("the page lacks %q", missing)
	}
}

var links = regexp.MustCompile(`(?:href|src|action|data-transports)="([^"]+)"`)

// crawl asks for from and everything of the same host that it leads to. All answers must be 200. It returns the paths.
func crawl(t *testing.T, from string) (paths []string) {
	t.Helper()
	start, err := url.Parse(from)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{start.String(): true}
	for queue := []*url.URL{start}; len(queue) > 0; queue = queue[1:] {
		page := queue[0]
		paths = append(paths, page.Path)
		answer, err := http.Get(page.String())
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", page, answer.Status)
		}
		var listed []string
		switch kind := answer.Header.Get("Content-Type"); {
		case strings.HasPrefix(kind, "text/html"):
			for _, m := range links.FindAllStringSubmatch(string(body), -1) {
				listed = append(listed, html.UnescapeString(m[1]))
			}
		case kind == "application/json" && strings.HasSuffix(page.Path, "/transports"):
			var list struct{ Transports []struct{ Name, URL string } }
			if err := json.Unmarshal(body, &list); err != nil || len(list.Transports) != len(everyTransport) {
				t.Errorf("%s: %s", page, body)
			}
			for _, tr := range list.Transports {
				if strings.HasSuffix(tr.Name, "polling") { // a stream does not end
					listed = append(listed, tr.URL)
				}
			}
		}
		for _, ref := range listed {
			next, err := page.Parse(ref)
			if err != nil || next.Host != start.Host {
				continue
			}
			next.Fragment = ""
			if next.Path == "/sell" || strings.HasSuffix(next.Path, "/sign-in") && next.RawQuery == "" && page.Path != "/" {
				continue // a form
			}
			if !seen[next.String()] {
				seen[next.String()] = true
				queue = append(queue, next)
			}
		}
	}
	return paths
}

// answersOf checks how a site answers clients that take gzip. All answers may be compressed. What is new comes at once all the
// same.
func answersOf(t *testing.T, s *program, at string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ask := func(path string) *http.Response {
		t.Helper()
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, at+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept-Encoding", "gzip")
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = answer.Body.Close() })
		return answer
	}
	page := ask("/channels/" + string(channel))
	if got := page.Header.Get("Content-Encoding"); got != "gzip" {
		t.Errorf("a page has the encoding %q", got)
	}
	stream := ask("/live/sse/" + string(channel) + "/")
	if stream.StatusCode != http.StatusOK {
		t.Fatalf("a stream: %s", stream.Status)
	}
	events := plain(t, stream)
	head := revision(t, nextEvent(t, events))
	polled := make(chan *http.Response, 1)
	go func() {
		defer close(polled)
		r, _ := http.NewRequestWithContext(ctx, http.MethodGet,
			at+fmt.Sprintf("/live/long-polling/%s/?since=%d", channel, head), nil)
		r.Header.Set("Accept-Encoding", "gzip")
		if answer, err := http.DefaultClient.Do(r); err == nil {
			polled <- answer
		}
	}()
	s.post("at once")
	for event := nextEvent(t, events); !strings.Contains(event, "at once"); event = nextEvent(t, events) {
		if !strings.Contains(event, `"renders":{},`) { // not a heartbeat, of a machine that took more than 15 s
			t.Errorf("the stream got %s", event)
		}
	}
	answer := receive(t, "the poll is answered", polled)
	if answer == nil {
		t.Fatal("the poll failed")
	}
	body, _ := io.ReadAll(plain(t, answer))
	_ = answer.Body.Close()
	if !strings.Contains(string(body), "at once") {
		t.Errorf("a poll: encoding %q, %s", answer.Header.Get("Content-Encoding"), body)
	}
}

// plain returns the body of an answer, decompressed if it is of gzip.
func plain(t *testing.T, answer *http.Response) io.Reader {
	t.Helper()
	if answer.Header.Get("Content-Encoding") != "gzip" {
		return answer.Body
	}
	r, err := gzip.NewReader(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// nextEvent reads a server-sent event with data.
func nextEvent(t *testing.T, r io.Reader) string {
	t.Helper()
	var all []byte
	for one := make([]byte, 1); ; {
		if _, err := io.ReadFull(r, one); err != nil {
			t.Fatalf("after %q: %v", all, err)
		}
		if all = append(all, one[0]); strings.HasSuffix(string(all), "\n\n") {
			if strings.Contains(string(all), "data:") {
				return string(all)
			}
			all = nil
		}
	}
}

func revision(t *testing.T, event string) (r int64) {
	t.Helper()
	_, id, _ := strings.Cut(event, "id: ")
	if _, err := fmt.Sscan(id, &r); err != nil {
		t.Fatalf("%q has no revision: %v", event, err)
	}
	return r
}
