package client_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/access"
	"github.com/motacilla-live/motacilla/client"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage/memory"
)

// guarded is a server of the interface below /api/access, whose server's token is secret.
func guarded(t *testing.T) http.Handler {
	t.Helper()
	store := memory.New(nil)
	t.Cleanup(func() { _ = store.Close() })
	a := access.New(access.NewKit(&access.KitOptions{Records: store.Records()}), secret)
	a.Join(access.Site{
		Channel: store.Channel, Secure: func(*http.Request) bool { return false },
		Address: func(r *http.Request) netip.Addr { return route.Proxies(nil).ClientAddr(r) },
	})
	table := route.NewTable()
	if err := table.Add("access", "", a.URLs()...); err != nil {
		t.Fatal(err)
	}
	return a.Around(table)
}

func TestAccess(t *testing.T) {
	server := guarded(t)
	admin := newClient(t, "http://live.example", through(t, server))
	ctx := patient(t)

	me, err := admin.Me(ctx)
	if err != nil || me.Who != "server" || me.Kind != "server" || len(me.Rights) != 1 || me.Rights[0].Role != "admin" || !me.Expires.IsZero() {
		t.Errorf("me: %+v, %v", me, err)
	}
	end := time.Now().Add(time.Hour).UTC().Truncate(time.Microsecond)
	rights := []client.Right{{Role: "editor", Channels: []string{"match-*", "final"}}}
	made, secret, err := admin.CreateToken(ctx, client.NewToken{Name: "scores", Rights: rights, Expires: end})
	if err != nil || made.Name != "scores" || made.By != "server" || !made.Expires.Equal(end) || made.Created.IsZero() || !strings.HasPrefix(secret, "mot_scores_") {
		t.Fatalf("made %+v, %q, %v", made, secret, err)
	}
	if _, _, err := admin.CreateToken(ctx, client.NewToken{Name: "scores", Rights: rights}); !errors.Is(err, motacilla.ErrExists) {
		t.Errorf("made twice: %v", err)
	}
	_, _, err = admin.CreateToken(ctx, client.NewToken{Name: "Scores", Rights: rights})
	var refused *client.Error
	if !errors.Is(err, motacilla.ErrInvalid) || !errors.As(err, &refused) || refused.Field != "name" {
		t.Errorf("a bad name: %v", err)
	}
	if list, err := admin.Tokens(ctx); err != nil || len(list) != 1 || list[0].Name != "scores" || !slices.Equal(list[0].Rights[0].Channels, rights[0].Channels) {
		t.Errorf("tokens: %+v, %v", list, err)
	}

	o := through(t, server)
	o.Token = secret
	scores := newClient(t, "http://live.example", o)
	if me, err := scores.Me(ctx); err != nil || me.Who != "token/scores" || me.Name != "scores" || !me.Expires.Equal(end) {
		t.Errorf("me: %+v, %v", me, err)
	}
	if _, err := scores.Tokens(ctx); !errors.Is(err, motacilla.ErrForbidden) {
		t.Errorf("tokens for an editor: %v", err)
	}
	if ticket, life, err := scores.Ticket(ctx); err != nil || ticket == "" || life != 30*time.Second {
		t.Errorf("ticket: %q, %v, %v", ticket, life, err)
	}
	if err := admin.RevokeToken(ctx, "scores"); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"scores", "no/such?one", "Scores"} {
		if err := admin.RevokeToken(ctx, name); !errors.Is(err, motacilla.ErrNotFound) {
			t.Errorf("revoke %q: %v", name, err)
		}
	}
	for _, name := range []string{"", ".", ".."} {
		if err := admin.RevokeToken(ctx, name); !errors.Is(err, motacilla.ErrInvalid) {
			t.Errorf("revoke %q: %v", name, err)
		}
	}
	if _, err := scores.Me(ctx); !errors.Is(err, motacilla.ErrUnauthorized) {
		t.Errorf("me after the revocation: %v", err)
	}
	if list, err := admin.Tokens(ctx); err != nil || list == nil || len(list) != 0 {
		t.Errorf("tokens: %+v, %v", list, err)
	}

	made2, refusals := 0, 0
	for e, err := range admin.Audit(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Detail == "created the token scores: [editor:match-*,final]" && e.Status == 201 && e.Who == "server" && !e.Time.IsZero() {
			made2++
		}
		if e.Who == "token/scores" && e.Refused != "" && e.Status == 403 {
			refusals++
		}
	}
	if made2 != 1 || refusals != 1 {
		t.Errorf("the audit log: made %d, refused %d", made2, refusals)
	}
	page, err := admin.AuditPage(ctx, "", 1)
	if err != nil || len(page.Events) == 0 {
		t.Errorf("a page: %+v, %v", page, err)
	}
	if _, err := admin.AuditPage(ctx, "x", 1); !errors.Is(err, motacilla.ErrInvalid) {
		t.Errorf("a page after nothing: %v", err)
	}
}

// If the answer to a new token is lost, so is its secret, and the error says what to do.
func TestLostToken(t *testing.T) {
	server := guarded(t)
	var asked atomic.Int64
	c := newClient(t, "http://live.example", through(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) == 1 {
			server.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		}
		server.ServeHTTP(w, r)
	})))
	n := client.NewToken{Name: "scores", Rights: []client.Right{{Role: "reader"}}}
	if _, _, err := c.CreateToken(patient(t), n); !errors.Is(err, motacilla.ErrExists) || !strings.Contains(err.Error(), "revoke it") {
		t.Errorf("%v", err)
	}
	if err := c.RevokeToken(patient(t), "scores"); err != nil {
		t.Error(err)
	}
	if _, secret, err := c.CreateToken(patient(t), n); err != nil || secret == "" {
		t.Errorf("again: %v", err)
	}
}

// What is no answer of the server is an error.
func TestForeignAccess(t *testing.T) {
	c := newClient(t, "http://live.example", through(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"name":"other"}`))
	})))
	ctx := patient(t)
	_, me := c.Me(ctx)
	_, tokens := c.Tokens(ctx)
	_, _, made := c.CreateToken(ctx, client.NewToken{Name: "scores"})
	_, _, ticket := c.Ticket(ctx)
	_, page := c.AuditPage(ctx, "", 0)
	for i, err := range []error{me, tokens, made, ticket, page} {
		var e *client.Error
		if !errors.As(err, &e) || e.Status != http.StatusOK {
			t.Errorf("%d: %v", i, err)
		}
	}
}

// What the client has read can be written again.
func TestAccessJSON(t *testing.T) {
	for _, c := range []struct {
		text string
		into any
	}{
		{`{"name":"a","rights":[{"role":"editor","channels":["m-*"]}],"created":"2026-11-28T09:26:40.123456Z","expires":null,"by":"server"}`, new(client.Token)},
		{`{"who":"token/a","name":"a","kind":"token","rights":[{"role":"editor"}],"expires":"2026-11-28T09:26:40.123456Z"}`, new(client.Identity)},
		{`{"time":"2026-11-28T09:26:40.123456Z","who":"x","action":"write","channel":"c","status":201}`, new(client.AuditEvent)},
	} {
		if err := json.Unmarshal([]byte(c.text), c.into); err != nil {
			t.Fatal(err)
		}
		if got, err := json.Marshal(c.into); err != nil || string(got) != c.text {
			t.Errorf("%s, want %s (%v)", got, c.text, err)
		}
	}
}
