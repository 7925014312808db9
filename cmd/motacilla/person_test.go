package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla/access"
	"github.com/motacilla-live/motacilla/access/people"
	"github.com/motacilla-live/motacilla/client"
	"github.com/motacilla-live/motacilla/live"
	"github.com/motacilla-live/motacilla/storage/memory"
)

// servePeople starts a server with accounts, whose token is s3cret.
func servePeople(t *testing.T) string {
	t.Helper()
	store := memory.New(nil)
	t.Cleanup(func() { _ = store.Close() })
	kit := access.NewKit(&access.KitOptions{Records: store.Records()})
	l, err := live.New(live.Options{Store: store, Token: "s3cret", Access: access.New(kit, "s3cret", people.New(nil, kit))})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Shutdown(context.Background()) })
	server := httptest.NewServer(l)
	t.Cleanup(server.Close)
	return server.URL
}

func TestPersonCommands(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("MOTACILLA_SERVER_TOKEN", "")
	base, none := servePeople(t), serveAccess(t)
	do := func(line string) (int, string, string) {
		args := strings.Fields(line)
		if !strings.Contains(line, "--server") {
			args = append(args, "--server", base)
		}
		if !strings.Contains(line, "--token") {
			args = append(args, "--token", "s3cret")
		}
		return call(args...)
	}

	code, out, errs := do("person invite --role editor --channels match-*,final --name Ben --login ben")
	local := strings.Replace(base, "127.0.0.1", "localhost", 1) // passkeys need a name
	if !strings.HasPrefix(out, local+"/invitation/") || code != 0 || !strings.Contains(errs, "This link is for an account: editor on match-*,final. It works once, until ") {
		t.Fatalf("invite = %d\n%s%s", code, out, errs)
	}
	stay := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	w, err := stay.PostForm(strings.TrimSpace(out), url.Values{"login": {"ben"}, "name": {"Ben"}, "password": {"a wagtail on a roof"}})
	if err != nil {
		t.Fatal(err)
	}
	_ = w.Body.Close()
	if w.StatusCode != http.StatusSeeOther {
		t.Fatalf("the link answers %s", w.Status)
	}

	for _, tt := range []struct {
		line string
		code int
		out  string // a regular expression of all of it
		err  string
	}{
		{"person reset ben", 0, `http://localhost:\d+/invitation/[A-Z2-7]{26}\n`, "This link is for a new passkey or password of ben. It works once, until "},
		{"person reset nobody", 3, ``, "there is no account with the login nobody"},
		{"person reset", 2, ``, "LOGIN is missing"},
		{"person invite", 2, ``, "--role is missing; known: reader, contributor, editor, admin"},
		{"person invite --role chief", 2, ``, "--role chief: known: reader"},
		{"person invite --role editor --channels a/b", 2, ``, "channels: must be IDs of channels"},
		{"person invite --role editor --login B/n", 2, ``, "login: "},
		{"person invite --role editor --token wrong", 4, ``, "does not accept the token"},
		{"person invite --role editor --server " + none, 1, ``, "the server has no accounts"},
		{"person invite --role editor --server http://" + nobody, 5, ``, `Start it with "motacilla serve"`},
	} {
		code, out, errs := do(tt.line)
		if code != tt.code || !regexp.MustCompile(`\A(?:`+tt.out+`)\z`).MatchString(out) || !strings.Contains(errs, tt.err) {
			t.Errorf("motacilla %s = %d\n%s%s\nwant %d, %s, %s", tt.line, code, out, errs, tt.code, tt.out, tt.err)
		}
	}

	code, out, errs = do("person invite --role reader -o json")
	var made client.Invitation
	if err := json.Unmarshal([]byte(out), &made); err != nil || code != 0 || errs != "" || made.Kind != "invite" || made.URL == "" || made.By != "server" || made.Expires.IsZero() {
		t.Errorf("in JSON: %d %s%s: %v", code, out, errs, err)
	}
}
