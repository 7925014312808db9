package standard_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/access"
	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/app/standard"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/memory"
	"go.uber.org/fx"
)

// Everybody may call some routes: they show nothing that is private, or ask for a secret of their own.
const (
	everybody route.Action = ""
	somebody  route.Action = "somebody" // who has shown who it is, whatever it may do
	person    route.Action = "person"   // who has an account here and has signed in
)

// asksFor says what each method of each route asks for, and what it asks for with a query. The test fails if a route is missing here.
var asksFor = map[string]map[string]route.Action{
	"page-index": {"GET": everybody}, "page-assets": {"GET": everybody}, "page-sign-in": {"POST": everybody},
	"page": {"GET": route.Read}, "page-transports": {"GET": route.Read},
	"media": {"GET": everybody}, "embeds": {"GET": everybody},
	"sse": {"GET": route.Read}, "sse-many": {"GET": route.Read}, "websocket": {"GET": route.Read}, "websocket-many": {"GET": route.Read},
	"long-polling": {"GET": route.Read, "HEAD": route.Read}, "interval-polling": {"GET": route.Read, "HEAD": route.Read},
	"api-openapi":  {"GET": everybody},
	"api-channels": {"GET": everybody, "POST": route.Write},
	"api-channel":  {"GET": route.Read, "PATCH": route.Write, "DELETE": route.Manage},
	"api-posts":    {"GET": route.Read, "POST": route.Write},
	"api-post":     {"GET": route.Read, "PATCH": route.Write, "DELETE": route.Write, "DELETE ?for_good": route.Manage},
	"api-media":    {"POST": route.Draft},
	"access-me":    {"GET": somebody}, "access-tickets": {"POST": somebody},
	"access-sessions": {"GET": somebody}, "access-session": {"DELETE": somebody},
	"access-tokens": {"GET": route.Manage, "POST": route.Manage}, "access-token": {"DELETE": route.Manage},
	"access-revocations": {"GET": route.Manage, "POST": route.Manage}, "access-audit": {"GET": route.Manage},
	"sign-in": {"GET": everybody, "POST": everybody}, "sign-out": {"POST": everybody},
	"invitation": {"GET": everybody, "POST": everybody}, "account": {"GET": everybody, "POST": everybody},
	"api-access-passkey-options": {"POST": everybody}, "api-access-passkeys": {"POST": everybody}, "api-access-passkey": {"DELETE": person},
	"api-access-people":      {"GET": route.Manage},
	"api-access-person":      {"GET": route.Manage, "PATCH": route.Manage, "DELETE": route.Manage},
	"api-access-reset":       {"POST": route.Manage},
	"api-access-invitations": {"GET": route.Manage, "POST": route.Manage},
	"api-access-invitation":  {"DELETE": route.Manage},
	"post-versions":          {"GET": route.Write}, "post-version": {"GET": route.Write}, "post-restore": {"POST": route.Write},
	"readers": {"GET": route.Write}, "channel-readers": {"GET": route.Draft},
	"channel-editors": {"GET": route.Draft, "PUT": route.Draft},
	"api-drafts":      {"GET": route.Draft, "POST": route.Draft},
	"api-draft":       {"GET": route.Draft, "PATCH": route.Draft, "DELETE": route.Draft}, "api-draft-submit": {"POST": route.Draft},
	"api-draft-return": {"POST": route.Write}, "api-draft-publish": {"POST": route.Write},
	"api-draft-schedule": {"POST": route.Write}, "api-draft-unschedule": {"POST": route.Write},
	"compose": {"GET": route.Draft, "HEAD": route.Draft}, "compose-channel": {"GET": route.Draft, "HEAD": route.Draft},
	"compose-assets": {"GET": everybody}, "api-preview": {"POST": route.Draft},
	"healthz": {"GET": everybody}, "readyz": {"GET": everybody}, "metrics": {"GET": everybody},
}

// TestEveryRoute asks each route for each channel, by each kind of credential, in each role. The answer must be what the roles
// say.
func TestEveryRoute(t *testing.T) {
	s := openAccess(t)
	for _, rt := range s.server.Routes() {
		methods, known := asksFor[rt.Name]
		if !known {
			t.Errorf("the route %q (%s) is missing here: say what it asks for", rt.Name, rt.Pattern)
			continue
		}
		for method, action := range methods {
			if action == everybody {
				continue
			}
			channels := []motacilla.ChannelID{""}
			if rt.Many || strings.Contains(rt.Pattern, "{channel_id}") {
				channels = []motacilla.ChannelID{"own-1", "foreign-1"}
			}
			for _, ch := range channels {
				for _, c := range s.credentials(method) {
					s.ask(rt, method, action, ch, c)
				}
			}
		}
	}
	t.Logf("%d requests", s.asked)
}

type accessSite struct {
	*testing.T
	server *app.Server
	kit    *access.Kit
	store  storage.Store
	asked  int
}

func openAccess(t *testing.T) *accessSite {
	t.Helper()
	s := &accessSite{T: t, store: memory.New(nil)}
	held := storage.Register[struct{}]("held", nil, func() storage.Store { return s.store })
	in := &app.Input{YAML: []byte(accessConfig), Env: []string{}, Flags: map[string]string{
		"server.addr": "127.0.0.1:0", "server.token": "s3cret", "log.level": "error", "storage.type": "held"}}
	a := app.New(standard.Module, held, fx.Supply(in), fx.Populate(&s.server, &s.kit))
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	for _, id := range []motacilla.ChannelID{"own-1", "foreign-1"} {
		if _, err := s.store.PutChannel(t.Context(), motacilla.Channel{ID: id, Access: motacilla.Private}, 0); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

const accessConfig = `{publishers: [{type: sse}, {type: websocket}, {type: long-polling}, {type: interval-polling}], receivers: [{type: webapp}, {type: drafts}, {type: compose}],
	access: [{type: people}, {type: jwt, secret: ` + signingKey + `, audience: [motacilla]}]}`

const signingKey = "a-key-of-at-least-thirty-two-bytes"

// credential is one way in which somebody shows who it is.
type credential struct {
	kind   string
	role   access.Role // empty: none
	rights access.Rights
	add    func(r *http.Request)
}

var everyRole = []access.Role{access.Reader, access.Contributor, access.Editor, access.Admin}

// credentials returns one of each kind and role, for a request of this method. All but the server's token are for the channels own-*.
func (s *accessSite) credentials(method string) []credential {
	all := []credential{
		{kind: "nothing", add: func(*http.Request) {}},
		{kind: "a wrong token", add: bearerOf("wrong")},
		{kind: "the server's token", role: access.Admin, rights: access.Rights{{Role: access.Admin}}, add: bearerOf("s3cret")},
	}
	for _, role := range everyRole {
		rights := access.Rights{{Role: role}}
		all = append(all, credential{"a named token for all channels", role, rights, bearerOf(s.named("all-"+role, rights))})
		rights = access.Rights{{Role: role, Channels: []string{"own-*"}}}
		all = append(all, credential{"a named token", role, rights, bearerOf(s.named(role, rights))},
			credential{"a signed token", role, rights, bearerOf(s.signed(role, rights))},
			credential{"a session", role, rights, s.session(role, rights, "http://"+s.server.Addr().String())})
		if method != http.MethodGet && method != http.MethodHead { // a page of another site can send the cookie, and must change nothing
			all = append(all, credential{"a session, from another site,", "", nil, s.session(role, rights, "https://evil.example")})
		}
		if method == http.MethodGet || method == http.MethodHead {
			all = append(all, credential{"a ticket", role, rights, s.ticket(role, rights)})
		}
	}
	return all
}

func bearerOf(secret string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+secret) }
}

// signed signs a token, as an app would.
func (s *accessSite) signed(role access.Role, rights access.Rights) string {
	s.Helper()
	claim := map[string]any{"role": role}
	if channels := rights[0].Channels; channels != nil {
		claim["channels"] = channels
	}
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"sub": role, "aud": "motacilla", "exp": jwt.NewNumericDate(time.Now().Add(time.Hour)),
		"motacilla": claim,
	}).SignedString([]byte(signingKey))
	if err != nil {
		s.Fatal(err)
	}
	return token
}

func (s *accessSite) named(role access.Role, rights access.Rights) string {
	s.Helper()
	_ = s.kit.RevokeToken(s.Context(), string(role))
	secret, err := s.kit.CreateToken(s.Context(), access.Token{Name: string(role), Rights: rights})
	if err != nil {
		s.Fatal(err)
	}
	return secret
}

// session signs in. The requests are those of a page of an origin.
func (s *accessSite) session(role access.Role, rights access.Rights, origin string) func(*http.Request) {
	s.Helper()
	w := httptest.NewRecorder()
	acc := &access.Account{Who: "test/" + string(role), Name: string(role), Rights: rights}
	if err := s.kit.SignIn(w, httptest.NewRequest(http.MethodPost, "/", nil), acc, true, 0); err != nil {
		s.Fatal(err)
	}
	cookie := w.Result().Cookies()[0]
	return func(r *http.Request) {
		r.AddCookie(cookie)
		r.Header.Set("Origin", origin)
	}
}

func (s *accessSite) ticket(role access.Role, rights access.Rights) func(*http.Request) {
	return func(r *http.Request) {
		s.Helper()
		secret, _, err := s.kit.Ticket(s.Context(), &access.Subject{Rights: rights, Holder: &route.Holder{ID: "test", Who: "test", Name: string(role)}})
		if err != nil {
			s.Fatal(err)
		}
		q := r.URL.Query()
		q.Set(access.TicketParameter, secret)
		r.URL.RawQuery = q.Encode()
	}
}

// ask makes one request, and compares whether it was let in with what the role says. What would change something is asked of what is
// not there, or with a body that is none.
func (s *accessSite) ask(rt route.Route, method string, action route.Action, ch motacilla.ChannelID, c credential) {
	s.Helper()
	method, query, _ := strings.Cut(method, " ")
	target := ch
	if method == http.MethodDelete && ch != "" {
		target = ch + "-gone"
	}
	path := filled(rt.Pattern, target) + query
	if rt.Many {
		path += "?c=" + string(ch)
	}
	ctx, cancel := context.WithCancel(s.Context())
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, "http://"+s.server.Addr().String()+path, bytes.NewReader(nil))
	if err != nil {
		s.Fatal(err)
	}
	c.add(r)
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		s.Fatal(err)
	}
	defer resp.Body.Close()
	s.asked++
	let := resp.StatusCode != http.StatusUnauthorized && resp.StatusCode != http.StatusForbidden &&
		!strings.HasPrefix(resp.Header.Get("Location"), "/sign-in?next=") // a page leads there who has not signed in
	want := c.rights.Allow(ch, action)
	switch action {
	case somebody:
		want = c.role != ""
	case person: // package people has tests with those
		want = false
	}
	if let != want {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, 300))
		s.Errorf("%s %s, on %q, with %s of %q: %s %s", method, rt.Pattern, ch, c.kind, c.role, resp.Status, body)
	}
}

// filled returns a path with names of what is not there, but for the channel.
func filled(pattern string, channel motacilla.ChannelID) string {
	post := string(motacilla.NewPostID(motacilla.Revision(1e15).Time()))
	return strings.NewReplacer("{channel_id}", string(channel), "{post_id}", post, "{draft_id}", post, "{before}", "1", "{token}", "none",
		"{session}", "none", "{person}", "none", "{invitation}", "none", "{passkey}", "none", "{revision}", "1").Replace(pattern)
}

// TestRoutesAreDocumented compares the table of docs/access.md with what is tested. MOTACILLA_UPDATE=1 writes it.
func TestRoutesAreDocumented(t *testing.T) {
	const begins, ends = "<!-- routes begin -->\n", "<!-- routes end -->"
	s := openAccess(t)
	var table strings.Builder
	table.WriteString("\n| route | method | who may |\n|---|---|---|\n")
	for _, rt := range s.server.Routes() {
		for _, method := range slices.Sorted(maps.Keys(asksFor[rt.Name])) {
			verb, query, _ := strings.Cut(method, " ")
			fmt.Fprintf(&table, "| `%s%s` | %s | %s |\n", rt.Pattern, query, verb, words(asksFor[rt.Name][method]))
		}
	}
	table.WriteString("\n")
	const file = "../../docs/access.md"
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(page), begins)
	was, after, closed := strings.Cut(rest, ends)
	if !ok || !closed {
		t.Fatalf("%s has no place for the table", file)
	}
	if was == table.String() {
		return
	}
	if os.Getenv("MOTACILLA_UPDATE") == "" {
		t.Errorf("the table of routes in %s is old; run this test with MOTACILLA_UPDATE=1", file)
		return
	}
	if err := os.WriteFile(file, []byte(before+begins+table.String()+ends+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

func words(a route.Action) string {
	switch a {
	case everybody:
		return "everybody"
	case person:
		return "people, of their own account"
	case somebody:
		return "whoever has shown who it is"
	case route.Read:
		return "readers; everybody, if the channel is public"
	}
	for _, role := range everyRole {
		if role.Allows(a) {
			return string(role) + "s"
		}
	}
	return "nobody"
}
