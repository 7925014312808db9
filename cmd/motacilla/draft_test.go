package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/access"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/receiver/drafts"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage/memory"
)

// serveDrafts starts a server of drafts on the channel match, whose token is s3cret, and makes tokens of a contributor and an editor.
func serveDrafts(t *testing.T) (base, anna, eve string) {
	t.Helper()
	store := memory.New(nil)
	t.Cleanup(func() { _ = store.Close() })
	kit := access.NewKit(&access.KitOptions{Records: store.Records()})
	a := access.New(kit, "s3cret")
	a.Join(access.Site{
		Channel: store.Channel, Secure: func(*http.Request) bool { return false },
		Address: func(r *http.Request) netip.Addr { return route.Proxies(nil).ClientAddr(r) },
	})
	if _, err := store.PutChannel(t.Context(), motacilla.Channel{ID: "match"}, 0); err != nil {
		t.Fatal(err)
	}
	table := route.NewTable()
	d := drafts.New(&receiver.Kit{Sink: store, Records: store.Records()}, a.Authorize, nil)
	if err := table.Add("drafts", "", d.URLs()...); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(table)
	t.Cleanup(server.Close)
	token := func(name string, role access.Role) string {
		secret, err := kit.CreateToken(t.Context(), access.Token{Name: name, Rights: access.Rights{{Role: role}}})
		if err != nil {
			t.Fatal(err)
		}
		return secret
	}
	return server.URL, token("anna", access.Contributor), token("eve", access.Editor)
}

func TestDraftCommands(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("MOTACILLA_SERVER_TOKEN", "")
	base, anna, eve := serveDrafts(t)
	as := func(token, line string, more ...string) (int, string, string) {
		t.Helper()
		return call(append(append(strings.Fields(line), more...), "--server", base, "--token", token)...)
	}
	want := func(code int, out, errs string) func(int, string, string) {
		return func(gotCode int, gotOut, gotErr string) {
			t.Helper()
			if gotCode != code || !regexp.MustCompile(`\A(?:`+out+`)\z`).MatchString(gotOut) ||
				!strings.Contains(gotErr, errs) || errs == "" && gotErr != "" {
				t.Errorf("= %d\n%s%s\nwant %d, %s, %s", gotCode, gotOut, gotErr, code, out, errs)
			}
		}
	}
	const id = `[0-9a-f]{8}-[0-9a-f-]{27}`
	code, out, errs := as(anna, "draft add match --author Anna --pin --submit", "Goal?")
	one := strings.TrimSpace(out)
	if code != 0 || errs != "" || len(one) != 36 {
		t.Fatalf("add: %d %s%s", code, out, errs)
	}
	want(0, one+`\tsubmitted\t-\tanna\tGoal\?\n`, "")(as(anna, "draft list match"))
	want(0, ``, "")(as(anna, "draft list match --state scheduled"))
	want(4, ``, "anna may not do that")(as(anna, "draft publish match "+one))
	want(0, ``, "")(as(eve, "draft return match "+one, "Which team?"))
	want(0, `(?s)state +returned\nby +anna\nnote +Which team\?\nauthor +Anna\ntext +Goal\?\n`, "")(as(anna, "draft show match "+one))
	want(0, ``, "")(as(anna, "draft edit match "+one, "Goal for Rovers"))
	want(2, ``, "nothing to change")(as(anna, "draft edit match "+one))
	want(0, ``, "")(as(anna, "draft submit match "+one))
	want(0, ``, "")(as(eve, "draft schedule match "+one+" 2d"))
	want(2, ``, "soon: must be like")(as(eve, "draft schedule match "+one+" soon"))
	want(1, ``, "can't change a draft that is scheduled")(as(anna, "draft edit match "+one, "no"))
	want(0, one+`\tscheduled\t20[0-9T:.-]+Z\tanna\tGoal for Rovers\n`, "")(as(eve, "draft list match"))
	want(0, ``, "")(as(eve, "draft unschedule match "+one))
	want(0, id+`\n`, "")(as(eve, "draft publish match "+one))
	code, out, _ = as(eve, "draft show match --output json "+one)
	var d struct{ State, Post string }
	if err := json.Unmarshal([]byte(out), &d); err != nil || code != 0 || d.State != "published" || d.Post == "" {
		t.Errorf("show: %d %s", code, out)
	}
	want(0, id+`\n`, "")(as(anna, "draft add match --author Ben --edits "+d.Post))
	want(0, ``, "")(as(eve, "draft delete match "+one))
	want(3, ``, "there is no draft "+one)(as(eve, "draft delete match "+one))
	want(2, ``, `"x" is no draft's ID`)(as(eve, "draft submit match x"))
	want(3, ``, "there is no channel other")(as(eve, "draft add other", "text"))
	completes(t, `^`+id+`\tdraft Goal`, "draft", "submit", "match", "--server", base, "--token", eve, "")
}
