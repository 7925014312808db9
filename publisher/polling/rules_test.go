package polling_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/publisher/polling"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage/memory"
	"go.uber.org/fx"
)

const timedOut = `{"timeOutReached":"Timeout duration reached."}`

const (
	intervalPath = "/live/interval-polling/" + string(match) + "/"
	longPath     = "/live/long-polling/" + string(match) + "/"
)

// asked is a request without a network, for synctest.
type asked struct {
	*httptest.ResponseRecorder
	took time.Duration
	done chan struct{}
}

func (s *site) begin(ctx context.Context, method, target string, header ...string) *asked {
	req := httptest.NewRequestWithContext(ctx, method, target, nil)
	for i := 0; i < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	a := &asked{ResponseRecorder: httptest.NewRecorder(), done: make(chan struct{})}
	began := time.Now()
	go func() {
		defer close(a.done)
		s.Routes.ServeHTTP(a, req)
		a.took = time.Since(began)
	}()
	return a
}

func (s *site) get(target string, header ...string) *asked {
	a := s.begin(context.Background(), http.MethodGet, target, header...)
	<-a.done
	return a
}

func heartbeat(t *testing.T, body string, at motacilla.Revision) {
	t.Helper()
	var u motacilla.Update
	if err := json.Unmarshal([]byte(body), &u); err != nil || !u.Heartbeat() || u.Revision != at {
		t.Errorf("got %s (%v), want a heartbeat at %d", body, err, at)
	}
}

func TestTimeUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := build(t, nil, nil, nil)
		head := s.head()
		if a := s.get(longPath + "?last_update_ts=" + head.Timestamp()); a.Body.String() != timedOut || a.took != time.Minute {
			t.Errorf("after %v: %s", a.took, a.Body)
		}
		a := s.get(longPath + "?since=" + head.String())
		if heartbeat(t, a.Body.String(), head); a.took != 25*time.Second {
			t.Errorf("the heartbeat came after %v", a.took)
		}
	})
}

func TestAnsweredWhenItComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := build(t, nil, nil, nil)
		head := s.head()
		var all []*asked
		for range 10 {
			all = append(all, s.begin(t.Context(), "GET", longPath+"?since="+head.String()))
			all = append(all, s.begin(t.Context(), "GET", longPath+"?last_update_ts="+(head+1e9).Timestamp()))
		}
		time.Sleep(10 * time.Second)
		stats := s.Feed.Metrics().Of("long-polling")
		if n := stats.Readers.Load(); n != 20 {
			t.Errorf("Readers = %d, want 20", n)
		}
		p := s.post("Goal")
		for _, a := range all {
			<-a.done
			if a.took != 10*time.Second || !strings.Contains(a.Body.String(), string(p.ID)) {
				t.Errorf("after %v: %s", a.took, a.Body)
			}
		}
		if r, d := stats.Readers.Load(), stats.Deliveries.Load(); r != 0 || d != 20 {
			t.Errorf("Readers = %d, Deliveries = %d, want 0, 20", r, d)
		}
	})
}

func TestErrorsOfTheHeldGetComeLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := build(t, nil, nil, nil)
		s.authorize = func(_ *http.Request, ch motacilla.ChannelID, _ route.Action) (route.Grant, error) {
			if ch == "private" {
				return route.Grant{}, motacilla.ErrForbidden
			}
			return route.Grant{}, nil
		}
		for target, want := range map[string]int{
			longPath + "?last_update_ts=nan":                      400,
			longPath + "?last_update_ts=1&since=1":                400,
			"/live/long-polling/none/?last_update_ts=1":           404,
			"/live/long-polling/bad%20id/?last_update_ts=1":       400,
			"/live/long-polling/private/?last_update_ts=1":        403,
			"/live/long-polling/private/?x=1&last%5Fupdate_ts=ex": 403,
		} {
			if a := s.get(target); a.Code != want || a.took < time.Second || a.took > 3*time.Second {
				t.Errorf("%s: %d after %v, want %d after 1 to 3 s", target, a.Code, a.took, want)
			}
			target = strings.Replace(strings.Split(target, "&")[0], "last_update_ts=", "since=", 1)
			if a := s.get(target); a.took != 0 {
				t.Errorf("%s: %d after %v, want it at once", target, a.Code, a.took)
			}
		}
		a := s.begin(t.Context(), "GET", "/live/long-polling/none/?last_update_ts=1")
		synctest.Wait()
		if err := s.holds.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		if <-a.done; a.took != 0 || a.Code != 404 {
			t.Errorf("in a drain: %d after %v, want 404 at once", a.Code, a.took)
		}
	})
}

func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := build(t, nil, nil, nil)
		head := s.head()
		old := s.begin(t.Context(), "GET", longPath+"?last_update_ts="+head.Timestamp())
		since := s.begin(t.Context(), "GET", longPath+"?since="+head.String())
		time.Sleep(time.Second)
		if err := s.holds.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			<-old.done
			<-since.done
			if old.Body.String() != timedOut || old.Code != 200 {
				t.Errorf("the held GET got %d %s", old.Code, old.Body)
			}
			heartbeat(t, since.Body.String(), head)
			if !strings.Contains(since.Body.String(), `"next_poll_ms":`) || since.Header().Get("Connection") != "close" {
				t.Errorf("got %v %s, want next_poll_ms and Connection: close", since.Header(), since.Body)
			}
			// Later requests are not held.
			old, since = s.get(longPath+"?last_update_ts="+head.Timestamp()), s.get(longPath+"?since="+head.String())
			if old.took+since.took != 0 {
				t.Errorf("held in a drain for %v, %v", old.took, since.took)
			}
		}
		if err := s.holds.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestShutdownGivesUpWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		m := &polling.Mixin{Name: "stuck", Path: "stuck/{channel_id}/"}
		m.Get = func(http.ResponseWriter, *http.Request, motacilla.ChannelID) { <-release }
		table := route.NewTable()
		if err := table.Add("stuck", "/", m.URLs()...); err != nil {
			t.Fatal(err)
		}
		go table.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/stuck/x", nil))
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := m.Shutdown(ctx); err == nil {
			t.Error("Shutdown returned without error while a request was being served")
		}
		close(release)
		if err := m.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := build(t, nil, nil, nil)
		s.Source.Fail(true)
		for _, target := range []string{intervalPath, longPath + "?since=5", intervalPath + "?last_update_ts=5"} {
			if a := s.get(target); a.Code != 503 || a.Header().Get("Retry-After") == "" || a.took > time.Second {
				t.Errorf("%s: %d after %v, %v", target, a.Code, a.took, a.Header())
			}
		}
		if a := s.get(longPath + "?last_update_ts=5"); a.Body.String() != timedOut || a.took != time.Minute {
			t.Errorf("after %v: %d %s", a.took, a.Code, a.Body)
		}
		p := s.post("Meanwhile")
		a := s.begin(t.Context(), "GET", longPath+"?last_update_ts=5")
		time.Sleep(20 * time.Second)
		s.Source.Fail(false)
		if <-a.done; a.took > 24*time.Second || !strings.Contains(a.Body.String(), string(p.ID)) {
			t.Errorf("when the store was back after 20 s: after %v %s", a.took, a.Body)
		}
	})
}

func TestGrantExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := build(t, nil, nil, nil)
		s.authorize = func(*http.Request, motacilla.ChannelID, route.Action) (route.Grant, error) {
			return route.Grant{Expires: time.Now().Add(7 * time.Second)}, nil
		}
		head := s.head()
		if a := s.get(longPath + "?last_update_ts=" + head.Timestamp()); a.Body.String() != timedOut || a.took != 7*time.Second {
			t.Errorf("after %v: %s", a.took, a.Body)
		}
		a := s.get(longPath + "?since=" + head.String())
		if heartbeat(t, a.Body.String(), head); a.took != 7*time.Second {
			t.Errorf("held for %v", a.took)
		}
	})
}

func TestGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := build(t, nil, nil, nil)
		head := s.head()
		since := s.begin(t.Context(), "GET", longPath+"?since="+head.String())
		old := s.begin(t.Context(), "GET", longPath+"?last_update_ts="+head.Timestamp())
		synctest.Wait()
		if _, err := s.Store.DeleteChannel(t.Context(), match); err != nil {
			t.Fatal(err)
		}
		if <-since.done; !strings.Contains(since.Body.String(), `"gone":true`) {
			t.Errorf("the held ?since got %d %s", since.Code, since.Body)
		}
		if <-old.done; old.Code != 404 || old.took < time.Second {
			t.Errorf("the held ?last_update_ts got %d after %v", old.Code, old.took)
		}
		for _, target := range []string{longPath, intervalPath} {
			if a := s.get(target + "?since=" + head.String()); a.Code != 404 {
				t.Errorf("%s: %d later", target, a.Code)
			}
		}
	})
}

func TestIntervalCaching(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := build(t, nil, nil, nil)
		s.post("Goal")
		target := intervalPath + "?since=" + s.head().String()
		first := s.get(target)
		tag := first.Header().Get("ETag")
		if want := "public, max-age=0, s-maxage=1, stale-while-revalidate=1"; first.Header().Get("Cache-Control") != want {
			t.Errorf("Cache-Control: %q, want %q", first.Header().Get("Cache-Control"), want)
		}
		if !strings.Contains(first.Body.String(), `"next_poll_ms":3000`) {
			t.Errorf("no next_poll_ms: %s", first.Body)
		}
		for _, have := range []string{tag, "W/" + tag, `"x", ` + tag, "*"} {
			if a := s.get(target, "If-None-Match", have); a.Code != 304 || a.Body.Len() > 0 || a.Header().Get("ETag") != tag {
				t.Errorf("If-None-Match: %s: %d %s", have, a.Code, a.Body)
			}
		}
		s.post("Goal")
		if a := s.get(target, "If-None-Match", tag); a.Code != 200 || a.Header().Get("ETag") == tag {
			t.Errorf("after a post: %d, ETag %s", a.Code, a.Header().Get("ETag"))
		}
		s.EditChannel(match, func(c *motacilla.Channel) { c.Access = motacilla.Private })
		if a := s.get(target); a.Header().Get("Cache-Control") != "private, no-store" {
			t.Errorf("of a private channel: Cache-Control: %q", a.Header().Get("Cache-Control"))
		}
	})
}

func TestMethods(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := build(t, nil, nil, nil)
		for target, allow := range map[string]string{intervalPath: "GET, POST, HEAD", longPath: "GET, POST"} {
			for _, method := range []string{"PUT", "DELETE", "PATCH", "HEAD", "BREW"} {
				a := s.begin(t.Context(), method, target)
				<-a.done
				if strings.Contains(allow, method) {
					continue
				}
				if a.Code != 405 || a.Header().Get("Allow") != allow {
					t.Errorf("%s %s: %d, Allow: %q", method, target, a.Code, a.Header().Get("Allow"))
				}
			}
		}
	})
}

func TestModule(t *testing.T) {
	for options, want := range map[string]string{
		"publishers: [long-polling, interval-polling]":         "",
		"publishers: [{type: long-polling, timeout: 0s}]":      "publishers[0].timeout: must be at least 1ms",
		"publishers: [{type: long-polling, hold: 0s}]":         "publishers[0].hold: must be at least 1ms",
		"publishers: [{type: interval-polling, interval: 0s}]": "publishers[0].interval: must be at least 1ms",
	} {
		var server *app.Server
		in := &app.Input{YAML: []byte("log: {level: error}\n" + options), Env: []string{}}
		err := app.New(memory.Module, polling.Module, fx.Supply(in), fx.Populate(&server)).Err()
		if want != "" {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error is %v, want %s", options, err, want)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"long-polling", "interval-polling"} {
			if url, err := server.URL(name, "c"); url != "/live/"+name+"/c/" {
				t.Errorf("%s is at %s (%v)", name, url, err)
			}
		}
	}
}

var badCursors = []string{
	"", "nan", "inf", "-inf", "1e400", "-1", "+1", "9223372036854775808", "1 ", "0x1", "1_0", "1.", ".5", "1.5.5", "١",
	"%zz", "1;2", "\x00", "null", strings.Repeat("9", 5000),
}

func TestBadCursors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := build(t, nil, nil, nil)
		for _, bad := range badCursors {
			if !strings.HasPrefix(bad, "%") {
				bad = url.QueryEscape(bad)
			}
			for _, path := range []string{intervalPath, longPath} {
				for _, field := range []string{"since", "last_update_ts"} {
					a := s.get(path + "?" + field + "=" + bad)
					var problem route.Problem
					if err := json.Unmarshal(a.Body.Bytes(), &problem); err != nil || a.Code != 400 || problem.Field != field {
						t.Errorf("%s?%s=%.40s: %d %s", path, field, bad, a.Code, a.Body)
					}
				}
			}
		}
		for _, query := range []string{"since=1&since=1", "last_update_ts=1&last_update_ts=1", "since=1&last_update_ts=1"} {
			if a := s.get(intervalPath + "?" + query); a.Code != 400 {
				t.Errorf("%s: %d %s", query, a.Code, a.Body)
			}
		}
	})
}

func FuzzSince(f *testing.F) { fuzzCursor(f, "since") }

func FuzzLastUpdate(f *testing.F) { fuzzCursor(f, "last_update_ts") }

// fuzzCursor sends interval polling any query. It must answer with JSON, or with a 400 that names a field.
func fuzzCursor(f *testing.F, field string) {
	for _, seed := range append(badCursors, "0", "1", "1763890000.456789", "9223372036854775807") {
		f.Add(seed)
	}
	s := build(f, nil, nil, nil)
	s.post("Goal")
	f.Fuzz(func(t *testing.T, value string) {
		for _, raw := range []string{field + "=" + url.QueryEscape(value), field + "=" + value, value} {
			req := httptest.NewRequest(http.MethodGet, intervalPath, nil)
			req.URL.RawQuery = raw
			w := httptest.NewRecorder()
			s.Routes.ServeHTTP(w, req)
			var problem route.Problem
			switch {
			case w.Code == 200 && json.Valid(w.Body.Bytes()):
			case w.Code == 400 && json.Unmarshal(w.Body.Bytes(), &problem) == nil && problem.Field != "":
			default:
				t.Errorf("%q: %d %s", raw, w.Code, w.Body)
			}
		}
	})
}
