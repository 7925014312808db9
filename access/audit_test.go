package access_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/access"
	"github.com/motacilla-live/motacilla/route"
)

// events returns the whole audit log.
func (s *site) events() (all []access.Event) {
	s.Helper()
	for after := ""; ; {
		events, next, err := s.Kit().Audit(s.Context(), after, 50)
		if err != nil {
			s.Fatal(err)
		}
		all = append(all, events...)
		if next == "" {
			return all
		}
		after = next
	}
}

// Equal refusals are one event as long as they wait to be written: for a second, which is not over here.
func TestAuditRoute(t *testing.T) { synctest.Test(t, testAuditRoute) }

func testAuditRoute(t *testing.T) {
	s := open(t)
	a := s.serve()
	a.want(401, "GET", "/api/access/audit", "")
	a.as(s.token("ed", "editor")).want(403, "GET", "/api/access/audit", "")
	admin := a.as(serverToken)
	admin.want(201, "POST", "/api/access/tokens", `{"name":"ci","rights":[{"role":"editor","channels":["match-*"]}]}`)
	for i := range 150 {
		s.Kit().Note(access.Event{Who: "person/anna", Name: "An\xffna", Action: "sign in", Refused: fmt.Sprint("wrong ", i), Channel: "final"})
		s.Kit().Note(access.Event{Who: "person/anna", Name: "An\xffna", Action: "sign in", Refused: fmt.Sprint("wrong ", i), Channel: "final"})
	}
	for _, bad := range []struct{ query, field string }{
		{"after=x", "after"}, {"limit=0", "limit"}, {"limit=1001", "limit"}, {"limit=", "limit"}, {"limit=-1", "limit"}, {"format=xml", "format"},
		{"after=a&after=b", "after"}, {"limit=%zz", "query"},
	} {
		if got := admin.want(400, "GET", "/api/access/audit?"+bad.query, ""); got["field"] != bad.field {
			t.Errorf("%s: %v", bad.query, got)
		}
	}
	var paged []any
	for target := "/api/access/audit?limit=60"; ; {
		page := admin.want(200, "GET", target, "")
		paged = append(paged, page["events"].([]any)...)
		if page["next"] == nil {
			break
		}
		target = "/api/access/audit?format=json&limit=60&after=" + page["next"].(string)
	}
	if len(paged) != 153 { // 150, two refusals, one token
		t.Errorf("%d events", len(paged))
	}
	for _, ask := range []struct{ query, accept string }{{"?format=jsonl", ""}, {"", "text/html;q=0.1, application/x-ndjson"}} {
		w := admin.do("GET", "/api/access/audit"+ask.query, "", "Accept", ask.accept)
		if w.Code != 200 || w.Header().Get("Content-Type") != "application/x-ndjson; charset=utf-8" || !strings.Contains(w.Header().Get("Content-Disposition"), "attachment") {
			t.Errorf("export: %d %v", w.Code, w.Header())
		}
		var lines []any
		for line := range strings.Lines(w.Body.String()) {
			var e any
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Fatal(err)
			}
			lines = append(lines, e)
		}
		exported, _ := json.Marshal(lines)
		pages, _ := json.Marshal(paged)
		if string(exported) != string(pages) {
			t.Errorf("the export has %d events, the pages %d", len(lines), len(paged))
		}
	}
	made := paged[len(paged)-1].(map[string]any)
	for _, one := range paged {
		if e := one.(map[string]any); e["detail"] != nil {
			made = e
		}
	}
	if made["who"] != "server" || made["action"] != "manage" || made["method"] != "POST" || made["path"] != "/api/access/tokens" ||
		made["status"] != 201.0 || made["detail"] != "created the token ci: [editor:match-*]" || made["address"] != "192.0.2.1" {
		t.Errorf("the token was made: %v", made)
	}
}

// An export whose store fails half way breaks off, so that nobody takes it for whole.
func TestExportBreaksOff(t *testing.T) {
	first := open(t)
	for i := range 1500 {
		first.Kit().Note(access.Event{Action: "sign in", Detail: fmt.Sprint(i)})
	}
	if n := len(first.events()); n != 1500 {
		t.Fatalf("%d events", n)
	}
	records := &breaking{Records: first.store.Records()}
	s := joinWith(t, first.store, records, "")
	table := route.NewTable()
	if err := table.Add("access", "", s.URLs()...); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s.Around(table))
	defer server.Close()
	get := func() (int, error) {
		r, err := http.NewRequestWithContext(t.Context(), "GET", server.URL+"/api/access/audit?format=jsonl", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+serverToken)
		resp, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		n := 0
		for dec := json.NewDecoder(resp.Body); ; n++ {
			var e access.Event
			if err := dec.Decode(&e); err != nil {
				return n, err
			}
		}
	}
	if n, err := get(); n != 1500 || err.Error() != "EOF" {
		t.Errorf("%d events, %v", n, err)
	}
	records.lists.Store(2) // the second page fails
	if n, err := get(); n == 0 || n >= 1500 || err.Error() == "EOF" {
		t.Errorf("%d events, %v", n, err)
	}
}

// What was changed is noted with the status of the answer, what was only read or asked is not, and equal refusals are counted.
func TestWhatIsNoted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, newStaff)
		cookie := s.signIn(hire(t, s.store.Records(), "anna", "editor"), request(http.MethodPost))
		serve := func(r *http.Request, ch motacilla.ChannelID, action route.Action, then func(w http.ResponseWriter, r *http.Request)) {
			s.Around(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if _, err := s.Authorize(r, ch, action); err != nil {
					route.WriteError(w, r, err)
					return
				}
				then(w, r)
			})).ServeHTTP(httptest.NewRecorder(), r)
		}
		status := func(code int) func(http.ResponseWriter, *http.Request) {
			return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
		}
		noted := func(what string, want ...string) {
			t.Helper()
			time.Sleep(time.Millisecond) // the records of the log are in the order of their times
			var got []string
			for _, e := range s.events() {
				got = append(got, strings.TrimSpace(fmt.Sprintf("%s %s %s %d %d %s", e.Who, e.Action, e.Channel, e.Status, e.Count, e.Refused)))
			}
			if slices.Reverse(got); !slices.Equal(got, want) {
				t.Errorf("%s: noted %q, want %q", what, got, want)
			}
			list, err := s.store.Records().List(t.Context(), "access-audit", "", "", 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range list {
				if err := s.store.Records().Delete(t.Context(), r.Namespace, r.Key, r.Version); err != nil {
					t.Fatal(err)
				}
			}
		}
		mine := func(method string, header ...string) *http.Request {
			return withCookies(request(method, header...), cookie)
		}

		serve(mine("POST"), "open", route.Write, status(201))
		serve(mine("POST"), "open", route.Draft, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok")) })
		serve(mine("DELETE"), "open", route.Write, func(http.ResponseWriter, *http.Request) {})
		noted("changes", "staff/anna write open 201 0", "staff/anna draft open 200 0", "staff/anna write open 200 0")

		serve(mine("POST"), "", route.Write, func(w http.ResponseWriter, r *http.Request) { // a channel is made
			if _, err := s.Authorize(r, "new", route.Write); err != nil {
				t.Error(err)
			}
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(http.StatusConflict)
		})
		noted("a channel is made", "staff/anna write new 409 0")

		serve(mine("GET"), "open", route.Write, status(200))
		serve(mine("GET"), "open", route.Read, status(200))
		serve(request("GET"), "open", route.Read, status(200))
		serve(route.Tentative(request("GET")), "closed", route.Read, status(200))
		serve(route.Tentative(request("GET")), "open", route.Write, status(200))
		noted("reads")

		for range 5 {
			serve(request("GET"), "closed", route.Read, status(200))
		}
		serve(request("POST"), "open", route.Write, status(200))
		serve(mine("POST"), "open", route.Manage, status(200))
		serve(mine("POST", "Sec-Fetch-Site", "cross-site"), "open", route.Write, status(200))
		noted("refusals", `read closed 403 5 channel "closed" is private: forbidden`,
			"write open 401 0 unauthorized: sign in, or send a token as Authorization: Bearer TOKEN",
			`staff/anna manage open 403 0 forbidden: ANNA may not do that on channel "open"`,
			"staff/anna write open 403 0 write from another origin: forbidden")

		func() {
			defer func() { _ = recover() }()
			serve(mine("POST"), "open", route.Write, func(http.ResponseWriter, *http.Request) { panic("broken") })
		}()
		noted("a handler that panics", "staff/anna write open 0 0")

		s.Kit().Note(access.Event{Who: strings.Repeat("w", 9000), Name: strings.Repeat("<", 9000), Action: "sign in", Detail: strings.Repeat("\x01", 9000)})
		if e := s.events()[0]; len(e.Who) > 300 || len(e.Name) > 300 || len(e.Detail) > 300 {
			t.Errorf("a long event: %+v", e)
		}
	})
}

// A flood of refusals fills neither memory nor the store, and all of them are counted. What is changed meanwhile is noted.
func TestFloodOfRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t)
		const seconds, each = 8, 1500
		for n := range seconds {
			for i := range each {
				r := httptest.NewRequest("POST", fmt.Sprintf("/api/channels/%d-%d/%s", n, i, strings.Repeat("<", 400)), nil)
				if _, err := s.Authorize(r, "open", route.Write); !errors.Is(err, motacilla.ErrUnauthorized) {
					t.Fatal(err)
				}
			}
			if _, err := s.Authorize(request("POST", "Authorization", "Bearer "+serverToken), "open", route.Write); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		refused, one, changed := 0, 0, 0
		for _, e := range s.events() {
			if e.Refused == "" {
				changed++
				continue
			}
			refused += max(e.Count, 1)
			if e.Count == 0 {
				one++
			}
		}
		if refused != seconds*each || one > 1000+5*(seconds+1) || changed != seconds {
			t.Errorf("%d refusals, %d one by one, and %d changes", refused, one, changed)
		}
	})
}

// While the store is out of reach, events wait. They come in their order, and none is lost up to a bound.
func TestAuditWaitsForTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := open(t)
		records := &counted{Records: first.store.Records(), fails: "access-audit"}
		s := joinWith(t, first.store, records, "")
		records.down(motacilla.ErrUnavailable)
		for i := range 30 {
			s.Kit().Note(access.Event{Action: "sign in", Detail: fmt.Sprint(i)})
			s.Kit().Note(access.Event{Action: "sign in", Refused: "wrong"})
			time.Sleep(500 * time.Millisecond)
		}
		records.down(nil)
		time.Sleep(2 * time.Second)
		list, err := records.List(t.Context(), "access-audit", "", "", 0)
		if err != nil || len(list) != 1 {
			t.Fatalf("%d records, %v", len(list), err)
		}
		events := slices.DeleteFunc(s.events(), func(e access.Event) bool { return e.Refused != "" })
		for i, e := range events {
			if e.Detail != fmt.Sprint(29-i) {
				t.Fatalf("event %d is %+v", i, e)
			}
		}
		if len(events) != 30 {
			t.Errorf("%d events", len(events))
		}
		records.down(motacilla.ErrUnavailable)
		for range 30_000 {
			s.Kit().Note(access.Event{Action: "sign in"})
		}
		records.down(nil)
		total := 0
		for _, e := range s.events() {
			total += max(e.Count, 1)
		}
		if total < 30_000 {
			t.Errorf("%d events are noted or counted", total)
		}
	})
}

// The last events are written when the site stops.
func TestLastEvents(t *testing.T) {
	first := open(t)
	s := join(t, first.store)
	s.Kit().Note(access.Event{Action: "sign in"})
	if err := s.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(first.events()); n != 1 {
		t.Errorf("%d events", n)
	}
}
