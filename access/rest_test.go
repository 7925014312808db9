package access_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/access"
	"github.com/motacilla-live/motacilla/internal/openapitest"
	"github.com/motacilla-live/motacilla/receiver/webapp"
	"github.com/motacilla-live/motacilla/route"
)

// contract is the description of the routes. [site.serve] compares every exchange of the package's tests with it.
var contract = sync.OnceValues(func() (*openapitest.Contract, error) {
	w := httptest.NewRecorder()
	open := func(*http.Request, motacilla.ChannelID, route.Action) (route.Grant, error) { return route.Grant{}, nil }
	served := webapp.New(nil, open, nil)
	if err := served.Describe("", access.New(access.NewKit(&access.KitOptions{}), "").URLs()...); err != nil {
		return nil, err
	}
	table := route.NewTable()
	if err := table.Add("webapp", "", served.URLs()...); err != nil {
		return nil, err
	}
	table.ServeHTTP(w, httptest.NewRequest("GET", "/api/openapi.json", nil))
	return openapitest.New(w.Body.Bytes())
})

// api serves the routes of a node.
type api struct {
	*site
	http.Handler
	headers []string // of every request
}

func (s *site) serve(headers ...string) *api {
	s.Helper()
	table := route.NewTable()
	if err := table.Add("access", "", s.URLs()...); err != nil {
		s.Fatal(err)
	}
	c, err := contract()
	if err != nil {
		s.Fatal(err)
	}
	return &api{s, c.Handler(s, s.Around(table)), headers}
}

// as returns the same routes for requests with a token.
func (a *api) as(token string) *api {
	return &api{a.site, a.Handler, []string{"Authorization", "Bearer " + token}}
}

func (a *api) do(method, target, body string, headers ...string) *httptest.ResponseRecorder {
	a.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	all := append(append([]string{}, a.headers...), headers...)
	for i := 0; i < len(all); i += 2 {
		r.Header.Set(all[i], all[i+1])
	}
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	return w
}

// want is do for an answer in JSON with this status.
func (a *api) want(status int, method, target, body string, headers ...string) (got map[string]any) {
	a.Helper()
	w := a.do(method, target, body, headers...)
	if w.Code != status {
		a.Errorf("%s %s %s: %d %s, want %d", method, target, body, w.Code, w.Body, status)
	}
	if w.Body.Len() > 0 {
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			a.Errorf("%s %s: %v", method, target, err)
		}
	}
	return got
}

func sameJSON(t testing.TB, got any, want string) {
	t.Helper()
	data, err := json.Marshal(got)
	var wanted any
	if err == nil {
		err = json.Unmarshal([]byte(want), &wanted)
	}
	again, _ := json.Marshal(wanted)
	if err != nil || !bytes.Equal(data, again) {
		t.Errorf("%s, want %s (%v)", data, again, err)
	}
}

func TestMe(t *testing.T) {
	a := open(t, newStaff, newSigned).serve()
	a.want(401, "GET", "/api/access/me", "")
	a.want(401, "GET", "/api/access/me", "", "Authorization", "Bearer wrong")
	for _, path := range []string{"me", "tokens", "tokens/x", "revocations", "sessions", "sessions/x", "tickets", "audit"} {
		a.want(405, "PUT", "/api/access/"+path, "{}")
	}
	for _, c := range []struct{ token, want string }{
		{serverToken, `{"who":"server","name":"the server's token","kind":"server","rights":[{"role":"admin"}],"expires":null}`},
		{a.token("ci", "editor:final,match-*", "reader"), `{"who":"token/ci","name":"ci","kind":"token",
			"rights":[{"role":"editor","channels":["final","match-*"]},{"role":"reader"}],"expires":null}`},
		{"signed:anna", `{"who":"signed/anna","name":"anna","kind":"signed","rights":[{"role":"editor"}],"expires":null}`},
	} {
		sameJSON(t, a.as(c.token).want(200, "GET", "/api/access/me", ""), c.want)
	}
	cookie := a.signIn(hire(t, a.store.Records(), "anna", "contributor"), request(http.MethodPost))
	me := a.want(200, "GET", "/api/access/me", "", "Cookie", cookie.Name+"="+cookie.Value)
	if me["who"] != "staff/anna" || me["name"] != "ANNA" || me["kind"] != "session" || me["expires"] == nil {
		t.Errorf("signed in: %v", me)
	}
}

// Whoever shows nothing that is known is noted in the audit log, also where the hook is not asked.
func TestRefusalsAreNoted(t *testing.T) {
	a := open(t, newStaff).serve()
	id := strings.Repeat("0", 32)
	for _, one := range []struct{ method, target, body string }{
		{"GET", "/api/access/me", ""}, {"GET", "/api/access/sessions", ""}, {"DELETE", "/api/access/sessions/" + id, ""},
		{"POST", "/api/access/tickets", "{}"},
	} {
		for _, headers := range [][]string{nil, {"Authorization", "Bearer mot_x_y"}} {
			a.want(401, one.method, one.target, one.body, headers...)
		}
		events, _, err := a.Kit().Audit(t.Context(), "", 100)
		if err != nil {
			t.Fatal(err)
		}
		var noted []string
		for _, e := range events {
			if e.Method == one.method && e.Path == one.target && e.Status == 401 && e.Who == "" && e.Address != "" {
				noted = append(noted, e.Refused)
			}
		}
		slices.Sort(noted)
		if len(noted) != 2 || !strings.Contains(noted[0], "sign in") || !strings.Contains(noted[1], "not known") {
			t.Errorf("%s %s: the audit log has %q", one.method, one.target, noted)
		}
	}
}

func TestTokenRoutes(t *testing.T) {
	a := open(t, newStaff).serve()
	admin := a.as(serverToken)
	made := admin.want(201, "POST", "/api/access/tokens",
		`{"name":"scores","rights":[{"role":"editor","channels":["match-*"]}],"expires_in":3600}`)
	secret, _ := made["secret"].(string)
	if !strings.HasPrefix(secret, "mot_scores_") || made["by"] != "server" || made["expires"] == nil {
		t.Errorf("made: %v", made)
	}
	if w := admin.do("POST", "/api/access/tokens", `{"name":"chief","rights":[{"role":"admin"}],"expires":"2100-01-31T12:00:00.123456789+01:00"}`); w.Code != 201 ||
		w.Header().Get("Cache-Control") != "no-store" || !strings.Contains(w.Body.String(), `"expires":"2100-01-31T11:00:00.123456Z"`) {
		t.Errorf("made: %d %v %s", w.Code, w.Header(), w.Body)
	}
	admin.want(409, "POST", "/api/access/tokens", `{"name":"scores","rights":[{"role":"reader"}]}`)
	list := admin.do("GET", "/api/access/tokens", "")
	if list.Code != 200 || strings.Contains(list.Body.String(), "secret") || strings.Contains(list.Body.String(), "hash") ||
		strings.Index(list.Body.String(), `"chief"`) > strings.Index(list.Body.String(), `"scores"`) {
		t.Errorf("list: %s", list.Body)
	}
	if _, err := a.Authorize(request(http.MethodPost, "Authorization", "Bearer "+secret), "match-1", route.Write); err != nil {
		t.Error(err)
	}
	admin.want(204, "DELETE", "/api/access/tokens/scores", "")
	admin.want(404, "DELETE", "/api/access/tokens/scores", "")
	admin.want(404, "DELETE", "/api/access/tokens/SCORES%2F", "")
	if _, err := a.Authorize(request(http.MethodPost, "Authorization", "Bearer "+secret), "match-1", route.Write); !errors.Is(err, motacilla.ErrUnauthorized) {
		t.Errorf("the token is revoked: %v", err)
	}
	for _, c := range []struct {
		name, token string
		want        int
	}{
		{"nobody", "", 401}, {"wrong", "wrong", 401}, {"an editor", a.token("ed", "editor"), 403},
		{"an admin of some channels", a.token("some", "admin:match-*"), 403}, {"an admin", a.token("boss", "admin"), 0},
	} {
		as := a
		if c.token != "" {
			as = a.as(c.token)
		}
		for _, one := range []struct {
			method, target, body string
			done                 int
		}{
			{"GET", "/api/access/tokens", "", 200}, {"POST", "/api/access/tokens", `{"name":"more","rights":[{"role":"admin"}]}`, 201},
			{"DELETE", "/api/access/tokens/more", "", 204}, {"GET", "/api/access/audit", "", 200},
		} {
			want := c.want
			if want == 0 {
				want = one.done
			}
			as.want(want, one.method, one.target, one.body)
		}
	}
	cookie := a.signIn(hire(t, a.store.Records(), "anna", "admin"), request(http.MethodPost))
	body := `{"name":"csrf","rights":[{"role":"admin"}]}`
	a.want(403, "POST", "/api/access/tokens", body, "Cookie", cookie.Name+"="+cookie.Value, "Sec-Fetch-Site", "cross-site")
	a.want(403, "DELETE", "/api/access/tokens/chief", "", "Cookie", cookie.Name+"="+cookie.Value, "Origin", "https://evil.example")
	a.want(415, "POST", "/api/access/tokens", body, "Cookie", cookie.Name+"="+cookie.Value, "Content-Type", "text/plain")
	made = a.want(201, "POST", "/api/access/tokens", body, "Cookie", cookie.Name+"="+cookie.Value, "Sec-Fetch-Site", "same-origin")
	if made["by"] != "staff/anna" || made["expires"] != nil {
		t.Errorf("made: %v", made)
	}
}

// What is wrong with a token is said by the name of its field.
func TestBadTokens(t *testing.T) {
	a := open(t).serve().as(serverToken)
	for _, c := range []struct{ body, field string }{
		{`{}`, "name"}, {`{"name":"A","rights":[{"role":"reader"}]}`, "name"}, {`{"name":"a--b","rights":[{"role":"reader"}]}`, "name"},
		{`{"name":"` + strings.Repeat("a", 41) + `","rights":[{"role":"reader"}]}`, "name"}, {`{"name":7}`, "name"},
		{`{"name":"x"}`, "rights"}, {`{"name":"x","rights":[]}`, "rights"}, {`{"name":"x","rights":{}}`, "rights"},
		{`{"name":"x","rights":[{}]}`, "role"}, {`{"name":"x","rights":[{"role":"chief"}]}`, "role"},
		{`{"name":"x","rights":[{"role":"reader","channels":[]}]}`, "rights[0].channels"},
		{`{"name":"x","rights":[{"role":"reader"},{"role":"reader","channels":null}]}`, "rights[1].channels"},
		{`{"name":"x","rights":[{"role":"reader","channels":["a/b"]}]}`, "channels"},
		{`{"name":"x","rights":[{"role":"reader","channels":["[a"]}]}`, "channels"},
		{`{"name":"x","rights":[{"role":"reader","channel":["a"]}]}`, "rights[0].channel"},
		{`{"name":"x","rights":[{"role":"reader"}],"expires":"tomorrow"}`, "expires"},
		{`{"name":"x","rights":[{"role":"reader"}],"expires":"2020-01-01T00:00:00Z"}`, "expires"},
		{`{"name":"x","rights":[{"role":"reader"}],"expires":"9999-01-01T00:00:00Z"}`, "expires"},
		{`{"name":"x","rights":[{"role":"reader"}],"expires":null}`, "expires"},
		{`{"name":"x","rights":[{"role":"reader"}],"expires_in":0}`, "expires_in"},
		{`{"name":"x","rights":[{"role":"reader"}],"expires_in":-1}`, "expires_in"},
		{`{"name":"x","rights":[{"role":"reader"}],"expires_in":3153600001}`, "expires_in"},
		{`{"name":"x","rights":[{"role":"reader"}],"expires_in":1.5}`, "expires_in"},
		{`{"name":"x","rights":[{"role":"reader"}],"expires_in":"1"}`, "expires_in"},
		{`{"name":"x","rights":[{"role":"reader"}],"expires_in":1,"expires":"2100-01-01T00:00:00Z"}`, "expires_in"},
		{`{"name":"x","rights":[{"role":"reader"}],"by":"me"}`, "by"}, {`{"name":"x","name":"y"}`, "name"}, {`[]`, "body"}, {`{`, "body"},
	} {
		if got := a.want(400, "POST", "/api/access/tokens", c.body); got["field"] != c.field {
			t.Errorf("%s: %v, want the field %s", c.body, got, c.field)
		}
	}
	a.want(413, "POST", "/api/access/tokens", `{"name":"`+strings.Repeat("a", 1<<20)+`"}`)
	if all, err := a.Kit().Tokens(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("tokens: %v, %v", all, err)
	}
}

func TestSessionRoutes(t *testing.T) {
	a := open(t, newStaff).serve()
	anna, ben := hire(t, a.store.Records(), "anna", "reader"), hire(t, a.store.Records(), "ben", "admin")
	cookies := map[string]*http.Cookie{}
	for _, one := range []string{"first", "second"} {
		cookies[one] = a.signIn(anna, request(http.MethodPost, "User-Agent", one))
	}
	cookies["ben"] = a.signIn(ben, request(http.MethodPost))
	as := func(who string) *api {
		return &api{a.site, a.Handler, []string{"Cookie", cookies[who].Name + "=" + cookies[who].Value, "Sec-Fetch-Site", "same-origin"}}
	}
	ids := map[string]string{}
	list := func(as *api, target string) map[string]any {
		t.Helper()
		got := as.want(200, "GET", target, "")
		for _, one := range got["sessions"].([]any) {
			s := one.(map[string]any)
			ids[s["agent"].(string)] = s["id"].(string)
			if current := s["agent"] == "first" && as.headers[1] == cookies["first"].Name+"="+cookies["first"].Value; s["current"] != current &&
				s["agent"] != "" {
				t.Errorf("current: %v", s)
			}
		}
		return got
	}
	if got := list(as("first"), "/api/access/sessions"); got["who"] != "staff/anna" || len(got["sessions"].([]any)) != 2 {
		t.Errorf("own: %v", got)
	}
	if got := list(as("ben"), "/api/access/sessions?who=staff%2Fanna"); got["who"] != "staff/anna" || len(got["sessions"].([]any)) != 2 {
		t.Errorf("of anna: %v", got)
	}
	list(as("first"), "/api/access/sessions?who=staff%2Fanna")
	if got := list(a.as(serverToken), "/api/access/sessions"); len(got["sessions"].([]any)) != 0 {
		t.Errorf("of the server's token: %v", got)
	}
	list(as("ben"), "/api/access/sessions")
	as("first").want(403, "GET", "/api/access/sessions?who=staff%2Fben", "")
	as("first").want(403, "GET", "/api/access/sessions?who=", "")
	as("first").want(400, "GET", "/api/access/sessions?who=a&who=b", "")
	a.want(401, "GET", "/api/access/sessions", "")
	a.want(401, "DELETE", "/api/access/sessions/"+ids["first"], "")

	as("first").want(403, "DELETE", "/api/access/sessions/"+ids[""]+"?who=staff%2Fben", "")
	as("first").want(404, "DELETE", "/api/access/sessions/"+ids[""], "")
	as("first").want(404, "DELETE", "/api/access/sessions/..%2Fben%2F"+ids[""], "")
	as("first").want(400, "DELETE", "/api/access/sessions/"+ids["second"]+"?who=a&who=b", "")
	a.want(403, "DELETE", "/api/access/sessions/"+ids["second"], "", "Cookie", as("first").headers[1], "Sec-Fetch-Site", "cross-site")
	as("first").want(204, "DELETE", "/api/access/sessions/"+ids["second"], "")
	as("second").want(401, "GET", "/api/access/sessions", "")
	as("first").want(404, "DELETE", "/api/access/sessions/"+ids["second"], "")
	as("ben").want(204, "DELETE", "/api/access/sessions/"+ids["first"]+"?who=staff%2Fanna", "")
	as("first").want(401, "GET", "/api/access/me", "")
	events, _, err := a.Kit().Audit(t.Context(), "", 100)
	if err != nil {
		t.Fatal(err)
	}
	ended := 0
	for _, e := range events {
		if e.Action == "end session" && e.Status == 204 && e.Detail == "of staff/anna" {
			ended++
		}
	}
	if ended != 2 {
		t.Errorf("%d sessions were ended by the log: %+v", ended, events)
	}
}

// Whoever ends sessions that are none does not fill the store with what is revoked: all nodes read that every second.
func TestSessionsThatAreNone(t *testing.T) {
	a := open(t, newStaff).serve()
	cookie := a.signIn(hire(t, a.store.Records(), "anna", "reader"), request(http.MethodPost))
	for n := range 50 {
		a.want(404, "DELETE", fmt.Sprintf("/api/access/sessions/%032x", n), "", "Cookie", cookie.Name+"="+cookie.Value)
	}
	a.want(200, "GET", "/api/access/me", "", "Cookie", cookie.Name+"="+cookie.Value)
	if list, err := a.store.Records().List(t.Context(), "access-revoked", "", "", 100); err != nil || len(list) > 1 {
		t.Errorf("%d records say what is revoked, %v", len(list), err)
	}
}

// A request that says as whom it is sent is refused for anybody else, also where no role is asked for.
func TestAsOwn(t *testing.T) {
	a := open(t, newStaff).serve()
	cookie := a.signIn(hire(t, a.store.Records(), "anna", "reader"), request(http.MethodPost))
	as := func(who string) *api {
		return &api{a.site, a.Handler, []string{"Cookie", cookie.Name + "=" + cookie.Value, access.As, who}}
	}
	session := as("staff/anna").want(200, "GET", "/api/access/sessions", "")["sessions"].([]any)[0].(map[string]any)["id"].(string)
	as("staff/ben").want(200, "GET", "/api/access/me", "")
	as("staff/ben").want(401, "POST", "/api/access/tickets", `{}`)
	as("staff/ben").want(401, "DELETE", "/api/access/sessions/"+session, "")
	as("staff/anna").want(201, "POST", "/api/access/tickets", `{}`)
	for as, want := range map[string]bool{"staff/ben": false, "staff/anna": true} {
		s, err := a.Kit().Subject(request(http.MethodPost, "Cookie", cookie.Name+"="+cookie.Value, access.As, as))
		if (s != nil) != want || want == errors.Is(err, motacilla.ErrUnauthorized) {
			t.Errorf("%s: %v, %v", as, s, err)
		}
	}
	as("staff/anna").want(204, "DELETE", "/api/access/sessions/"+session, "")
}

func TestRevocationRoutes(t *testing.T) {
	a := open(t, newStaff).serve()
	admin := a.as(serverToken)
	const path = "/api/access/revocations"
	if got := admin.want(200, "GET", path, ""); len(got["revocations"].([]any)) != 0 {
		t.Errorf("at first: %v", got)
	}
	one := admin.want(201, "POST", path, `{"jti":"7f3a","expires":"2099-01-31T12:00:00+01:00"}`)
	if one["jti"] != "7f3a" || one["expires"] != "2099-01-31T11:00:00.000000Z" || one["by"] != "server" || one["before"] != nil || one["who"] != nil {
		t.Errorf("one token: %v", one)
	}
	all := admin.want(201, "POST", path, `{"who":"jwt/42","before":"2026-01-31T12:00:00Z"}`)
	if all["who"] != "jwt/42" || all["before"] != "2026-01-31T12:00:00.000000Z" || all["jti"] != nil {
		t.Errorf("those of an account: %v", all)
	}
	// A revocation takes none back that was made before.
	if again := admin.want(201, "POST", path, `{"who":"jwt/42","before":"2025-01-31T12:00:00Z"}`); again["before"] != all["before"] {
		t.Errorf("again, with an earlier time: %v", again)
	}
	if again := admin.want(201, "POST", path, `{"jti":"7f3a"}`); again["expires"] != one["expires"] {
		t.Errorf("again, with an earlier end: %v", again)
	}
	if now := admin.want(201, "POST", path, `{"who":"jwt/42"}`); now["before"] != now["created"] {
		t.Errorf("until now: %v", now)
	}
	if got := admin.want(200, "GET", path, ""); len(got["revocations"].([]any)) != 2 {
		t.Errorf("at last: %v", got)
	}
	for field, body := range map[string]string{
		"jti":     `{}`,
		"who":     `{"jti":"x","who":"jwt/42"}`,
		"before":  `{"who":"jwt/42","before":"yesterday"}`,
		"expires": `{"jti":"x","expires":"2020-01-31T12:00:00Z"}`,
	} {
		if got := admin.want(400, "POST", path, body); got["field"] != field {
			t.Errorf("%s: %v", body, got)
		}
	}
	for _, body := range []string{
		`{"who":"person/anna"}`, `{"jti":"x","before":"2026-01-31T12:00:00Z"}`, `{"who":"jwt/42","before":"2099-01-31T12:00:00Z"}`,
		`{"jti":"x","expires":"2999-01-31T12:00:00Z"}`, `{"jti":"` + strings.Repeat("x", 256) + `"}`, `{"jti":"x","before":"0001-01-01T00:00:00Z"}`,
	} {
		admin.want(400, "POST", path, body)
	}
	admin.want(415, "POST", path, "")
	admin.want(413, "POST", path, strings.Repeat(" ", 1<<20+1)+"{}")
	a.want(401, "GET", path, "")
	a.want(401, "POST", path, `{"jti":"x"}`)
	editor := a.as(a.token("ed", "editor"))
	editor.want(403, "GET", path, "")
	editor.want(403, "POST", path, `{"jti":"x"}`)
	events, _, err := a.Kit().Audit(t.Context(), "", 100)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(events, func(e access.Event) bool {
		return e.Status == 201 && e.Detail == "revoked the signed tokens of jwt/42 from before 2026-01-31T12:00:00.000000Z"
	}) {
		t.Errorf("the audit log has %+v", events)
	}
}

func TestTicketRoute(t *testing.T) {
	a := open(t, newStaff, newSigned).serve()
	cookie := a.signIn(hire(t, a.store.Records(), "anna", "reader"), request(http.MethodPost))
	a.want(401, "POST", "/api/access/tickets", `{}`)
	a.as("signed:x").want(400, "POST", "/api/access/tickets", `{"for":"me"}`)
	a.as("signed:x").want(415, "POST", "/api/access/tickets", "")
	a.as("signed:x").want(413, "POST", "/api/access/tickets", strings.Repeat(" ", 1<<20+1)+"{}")
	a.want(403, "POST", "/api/access/tickets", `{}`, "Cookie", cookie.Name+"="+cookie.Value, "Sec-Fetch-Site", "same-site")
	for _, as := range []*api{
		a.as(serverToken), a.as("signed:x"), a.as("fixed:x"), a.as(a.token("ci", "reader")),
		{a.site, a.Handler, []string{"Cookie", cookie.Name + "=" + cookie.Value}},
	} {
		got := as.want(201, "POST", "/api/access/tickets", `{}`)
		if got["expires_in"] != 30.0 {
			t.Errorf("%v: %v", as.headers, got)
		}
		if _, err := a.Authorize(withTicket(http.MethodGet, got["ticket"].(string)), "closed", route.Read); err != nil {
			t.Errorf("%v: %v", as.headers, err)
		}
	}
}

// A store that fails is told of in the same way by all routes, and nothing in the answer tells what is in it.
func TestFaults(t *testing.T) {
	first := open(t)
	for status, fault := range map[int]error{503: motacilla.ErrUnavailable, 500: errors.New("disk s3cret is full")} {
		records := &counted{Records: first.store.Records()}
		s := joinWith(t, first.store, records, "", newStaff)
		a := s.serve().as(serverToken)
		records.down(fault)
		for _, one := range []struct{ method, target, body string }{
			{"GET", "/api/access/revocations", ""}, {"POST", "/api/access/revocations", `{"jti":"x"}`},
			{"GET", "/api/access/tokens", ""}, {"POST", "/api/access/tokens", `{"name":"x","rights":[{"role":"reader"}]}`},
			{"DELETE", "/api/access/tokens/x", ""}, {"GET", "/api/access/sessions?who=x", ""},
			{"DELETE", "/api/access/sessions/" + strings.Repeat("0", 32), ""}, {"POST", "/api/access/tickets", "{}"},
			{"GET", "/api/access/audit", ""}, {"GET", "/api/access/audit?format=jsonl", ""},
		} {
			w := a.do(one.method, one.target, one.body)
			if w.Code != status || strings.Contains(w.Body.String(), "s3cret") {
				t.Errorf("%s %s: %d %s", one.method, one.target, w.Code, w.Body)
			}
		}
		if w := a.as("mot_x_y").do("GET", "/api/access/me", ""); w.Code != status {
			t.Errorf("me: %d %s", w.Code, w.Body)
		}
		records.down(nil)
	}
}

// The package's tests cover every operation, status, header, parameter and property that the description has. [site.serve] checks
// that what they do is as described.
func TestDescription(t *testing.T) {
	for name, test := range map[string]func(*testing.T){
		"me": TestMe, "tokens": TestTokenRoutes, "bad tokens": TestBadTokens, "sessions": TestSessionRoutes, "revocations": TestRevocationRoutes, "tickets": TestTicketRoute,
		"audit": TestAuditRoute, "faults": TestFaults,
	} {
		t.Run(name, test)
	}
	c, err := contract()
	if err != nil {
		t.Fatal(err)
	}
	for _, unseen := range c.Unseen("/api/access/") {
		if !strings.Contains(unseen, " 429") { // the server's own limit on requests
			t.Errorf("described, and by no test seen: %s", unseen)
		}
	}
}
