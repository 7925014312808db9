package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/access"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage/memory"
)

// serveAccess starts a server of the interface below /api/access, whose token is s3cret.
func serveAccess(t *testing.T) string {
	t.Helper()
	store := memory.New(nil)
	t.Cleanup(func() { _ = store.Close() })
	a := access.New(access.NewKit(&access.KitOptions{Records: store.Records()}), "s3cret")
	a.Join(access.Site{
		Channel: store.Channel, Secure: func(*http.Request) bool { return false },
		Address: func(r *http.Request) netip.Addr { return route.Proxies(nil).ClientAddr(r) },
	})
	table := route.NewTable()
	if err := table.Add("access", "", a.URLs()...); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(a.Around(table))
	t.Cleanup(server.Close)
	return server.URL
}

func TestTokenCommands(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("MOTACILLA_SERVER_TOKEN", "")
	base := serveAccess(t)
	for _, tt := range []struct {
		args string
		code int
		out  string // a regular expression of all of it
		err  string
	}{
		{"token create scores --role editor --channels match-*,final --expires 90d", 0, `mot_scores_[A-Z2-7]{26}\n`,
			"This is the secret of the token scores: editor on match-*,final, until "},
		{"token create ci --role admin", 0, `mot_ci_[A-Z2-7]{26}\n`, "admin on all channels, without an end. It is not shown again."},
		{"token create ci --role admin", 1, ``, "there is a token ci; give another name, or revoke it: motacilla token revoke ci"},
		{"token create CI --role admin", 2, ``, "name: must be 1 to 40 lower-case letters"},
		{"token create x", 2, ``, "--role is missing; known: reader, contributor, editor, admin"},
		{"token create x --role chief", 2, ``, "--role chief: known: reader"},
		{"token create x --role reader --channels a/b", 2, ``, "channels: must be IDs of channels"},
		{"token create x --role reader --channels=", 2, ``, "channels: must be IDs of channels"},
		{"token create x --role reader --expires soon", 2, ``, "--expires soon: must be like 90d"},
		{"token create", 2, ``, "NAME is missing"},
		{"token create x --role reader --token wrong", 4, ``, "does not accept the token"},
		{"token list", 0, `ci\tadmin on all channels\t-\tserver\nscores\teditor on match-\*,final\t20[0-9T:-]+Z\tserver\n`, ""},
		{"token revoke scores", 0, ``, ""},
		{"token revoke scores", 3, ``, "there is no token scores; motacilla token list prints them"},
		{"token list --output json", 0, `(?s){.*"tokens": \[.*"name": "ci".*"rights": \[.*"role": "admin".*"expires": null.*}\n`, ""},
		{"token list --server http://" + nobody, 5, ``, `Start it with "motacilla serve"`},
		{"audit --limit 2", 0, `(?s)20[0-9T:.-]+Z\tserver\t127.0.0.1\tmanage\t-\t404\tDELETE /api/access/tokens/scores\n[^\n]*\t204\tDELETE [^\n]*\n`, ""},
		{"audit --limit 1000 --output json", 0, `(?s){.*"events": \[.*"detail": "created the token scores: \[editor:match-\*,final\]".*}\n`, ""},
		{"audit --all", 0, `(?s).*\t-\t127.0.0.1\tmanage\t-\t401\tPOST /api/access/tokens: unauthorized: the token is not known here\n.*`, ""},
		{"token revoke-signed --who jwt/42 --before 2026-01-31T12:00:00Z", 0, ``,
			"Revoked the tokens of jwt/42 from before 2026-01-31T12:00:00Z. This is kept until "},
		{"token revoke-signed --jti 7f3a --expires 12h -o json", 0, `(?s){.*"jti": "7f3a".*"by": "server".*}\n`, ""},
		{"token revoked", 0, `the token 7f3a\t20[0-9T:-]+Z\tserver\nthe tokens of jwt/42 from before 2026-01-31T12:00:00Z\t20[0-9T:-]+Z\tserver\n`, ""},
		{"token revoked -o json", 0, `(?s){.*"revocations": \[.*"who": "jwt/42".*}\n`, ""},
		{"token revoke-signed", 2, ``, "give either --jti or --who"},
		{"token revoke-signed --jti a --who jwt/1", 2, ``, "give either --jti or --who"},
		{"token revoke-signed --who person/anna", 2, ``, "who: must be the account of a signed token, such as jwt/42"},
		{"token revoke-signed --who jwt/1 --before soon", 2, ``, "--before soon: must be like 2026-11-28T09:00:00Z"},
		{"token revoke-signed --who jwt/1 --expires soon", 2, ``, "--expires soon: must be like 90d"},
		{"token revoked --token wrong", 4, ``, "does not accept the token"},
		{"audit --limit 0", 2, ``, "--limit must be 1 or more"},
		{"audit --limit 1 --all", 2, ``, "can't be given together"},
		{"audit x", 2, ``, "one argument too many"},
	} {
		args := strings.Fields(tt.args)
		if !strings.Contains(tt.args, "--server") {
			args = append(args, "--server", base)
		}
		if !strings.Contains(tt.args, "--token") {
			args = append(args, "--token", "s3cret")
		}
		code, out, errs := call(args...)
		if code != tt.code || !regexp.MustCompile(`\A(?:`+tt.out+`)\z`).MatchString(out) || !strings.Contains(errs, tt.err) || tt.err == "" && errs != "" {
			t.Errorf("motacilla %s = %d\n%s%s\nwant %d, %s, %s", tt.args, code, out, errs, tt.code, tt.out, tt.err)
		}
	}

	code, out, errs := call("token", "create", "ed", "--role", "editor", "-o", "json", "--server", base, "--token", "s3cret")
	var made struct {
		Token  struct{ Name string }
		Secret string
	}
	if err := json.Unmarshal([]byte(out), &made); err != nil || code != 0 || errs != "" || made.Token.Name != "ed" || made.Secret == "" {
		t.Fatalf("in JSON: %d %s %s", code, out, errs)
	}
	for _, line := range []string{"token list", "token revoke ci", "token create more --role admin", "audit"} {
		code, out, errs := call(append(strings.Fields(line), "--server", base, "--token", made.Secret)...)
		if code != 4 || out != "" || !strings.Contains(errs, "ed may not do that") || strings.Contains(errs, made.Secret) {
			t.Errorf("%s as an editor: %d %s%s", line, code, out, errs)
		}
	}
	completes(t, `^ci\tadmin on all channels\n`, "token", "revoke", "--server", base, "--token", "s3cret", "")
	completes(t, `^reader\n`, "token", "create", "x", "--role", "")
}

func TestParseExpiry(t *testing.T) {
	now := time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC)
	for s, want := range map[string]time.Time{
		"1d": now.AddDate(0, 0, 1), "90d": now.AddDate(0, 0, 90), "12h": now.Add(12 * time.Hour), "30m": now.Add(30 * time.Minute),
		"2027-12-31":           time.Date(2027, 12, 31, 0, 0, 0, 0, time.Local),
		"2027-12-31T18:00:00Z": time.Date(2027, 12, 31, 18, 0, 0, 0, time.UTC), "2027-12-31T18:00:00+01:00": time.Date(2027, 12, 31, 17, 0, 0, 0, time.UTC),
	} {
		if got, err := parseExpiry(s, now); err != nil || !got.Equal(want) {
			t.Errorf("%s: %v, %v", s, got, err)
		}
	}
	for _, s := range []string{"d", "0d", "-1d", "1", "1w", "1dd", "1.5d", "01d", "+1d", "2025-01-01", "2026-11-28T09:00:00Z", "tomorrow", "99999999999999d", " 1d"} {
		if got, err := parseExpiry(s, now); err == nil {
			t.Errorf("%s: %v", s, got)
		}
	}
}
