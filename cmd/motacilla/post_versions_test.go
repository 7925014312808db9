package main

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/access"
	"github.com/motacilla-live/motacilla/history"
	"github.com/motacilla-live/motacilla/live"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/receiver/drafts"
	"github.com/motacilla-live/motacilla/receiver/webapp"
	"github.com/motacilla-live/motacilla/storage/memory"
)

// serveHistory starts a server with a history, unless there is to be none, on the channel match. token makes tokens.
func serveHistory(t *testing.T, kept bool) (base string, token func(name string, role access.Role) string) {
	t.Helper()
	store := memory.New(nil)
	t.Cleanup(func() { _ = store.Close() })
	kit := access.NewKit(&access.KitOptions{Records: store.Records()})
	o := live.Options{
		Store: store, Access: access.New(kit, "s3cret"),
		Receivers: func(p *live.Parts) []receiver.Receiver {
			return []receiver.Receiver{webapp.New(p.Sink(), p.Authorize, nil), drafts.New(p.Kit(), p.Authorize, nil)}
		},
	}
	if kept {
		o.History = history.New(store.Records(), nil)
	}
	l, err := live.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Shutdown(context.Background()) })
	server := httptest.NewServer(l)
	t.Cleanup(server.Close)
	if _, err := store.PutChannel(t.Context(), motacilla.Channel{ID: "match"}, 0); err != nil {
		t.Fatal(err)
	}
	return server.URL, func(name string, role access.Role) string {
		t.Helper()
		secret, err := kit.CreateToken(t.Context(), access.Token{Name: name, Rights: access.Rights{{Role: role}}})
		if err != nil {
			t.Fatal(err)
		}
		return secret
	}
}

// shell runs commands against a server, each with a token.
type shell struct {
	*testing.T
	base string
}

func (s shell) run(token, line string, more ...string) (code int, out, errs string) {
	s.Helper()
	return call(append(append(strings.Fields(line), more...), "--server", s.base, "--token", token)...)
}

// want runs a command. out is a pattern of all that it prints; errs is a part of its errors, and empty for none.
func (s shell) want(code int, out, errs, token, line string, more ...string) string {
	s.Helper()
	gotCode, gotOut, gotErr := s.run(token, line, more...)
	if gotCode != code || !regexp.MustCompile(`\A(?:`+out+`)\z`).MatchString(gotOut) || !strings.Contains(gotErr, errs) || errs == "" && gotErr != "" {
		s.Errorf("%s = %d\n%s%s\nwant %d, %s, %s", line, gotCode, gotOut, gotErr, code, out, errs)
	}
	return strings.TrimSpace(gotOut)
}

func TestHistoryCommands(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("MOTACILLA_SERVER_TOKEN", "")
	base, token := serveHistory(t, true)
	s := shell{t, base}
	anna, eve, root := token("anna", access.Contributor), token("eve", access.Editor), token("root", access.Admin)
	const id, time, revision = `[0-9a-f]{8}-[0-9a-f-]{27}`, `20[0-9T:.-]+Z`, `[0-9]{16}`
	draft := s.want(0, id+`\n`, "", anna, "draft add match", "19 min: Goal")
	post := s.want(0, id+`\n`, "", eve, "draft publish match "+draft)
	s.want(0, ``, "", root, "post edit match "+post, "19 min: No goal")
	s.want(0, time+`\t`+revision+`\ttoken/root\tcontent\t19 min: \[-Goal-\]\{\+No goal\+\}\n`+
		time+`\t`+revision+`\ttoken/anna, approved by token/eve\t-\t19 min: Goal\n`, "", eve, "post versions match "+post)
	var list struct {
		Versions []struct {
			Revision motacilla.Revision
			Who      string
			Approved struct{ Who string } `json:"approved_by"`
			Changes  []string
		}
	}
	_, out, _ := s.run(eve, "post versions match --output json "+post)
	if err := json.Unmarshal([]byte(out), &list); err != nil || len(list.Versions) != 2 || list.Versions[1].Approved.Who != "token/eve" {
		t.Fatalf("in JSON: %s", out)
	}
	first := list.Versions[1].Revision.String()
	s.want(0, post+`\n`, "", eve, "post restore match "+post+" "+first)
	s.want(0, `(?s)\{.*"id": "`+post+`".*\}\n`, "", eve, "post restore match --output json "+post+" "+first)
	s.want(0, ``, "", eve, "post delete match "+post)
	s.want(0, `(?s)[^\n]*\ttoken/eve\tremoved\t[^\n]*\n.*`, "", eve, "post versions match "+post)
	again := s.want(0, id+`\n`, "", eve, "post restore match "+post+" "+first)
	if again == post {
		t.Error("the removed post is there again")
	}

	s.want(4, ``, "anna may not do that", anna, "post versions match "+post)
	s.want(4, ``, "anna may not do that", anna, "post restore match "+post+" "+first)
	s.want(2, ``, `"x" is not a revision; motacilla post versions prints them`, eve, "post restore match "+post+" x")
	s.want(2, ``, "POST is missing", eve, "post versions match")
	s.want(2, ``, `"x" is no post's ID`, eve, "post versions match x")
	s.want(3, ``, "has no version 7", eve, "post restore match "+post+" 7")
	none := string(motacilla.NewPostID(list.Versions[0].Revision.Time()))
	s.want(3, ``, "there is no post "+none, eve, "post versions match "+none)
	s.want(3, ``, "there is no post "+none, root, "post delete match --for-good "+none)
	s.want(4, ``, "eve may not do that", eve, "post delete match --for-good "+again)

	s.want(0, ``, "The post is gone, with 5 versions, 1 draft and 0 images.\n", root, "post delete match --for-good "+again)
	s.want(3, ``, "there is no post "+post, eve, "post versions match "+post)
	last := s.want(0, id+`\n`, "", eve, "post add match", "one")
	s.want(0, `(?s)\{\s*"post": "`+last+`",\s*"versions": 1,\s*"drafts": 0,\s*"images": \[\]\s*\}\n`, "",
		root, "post delete match --for-good --output json "+last)
}

func TestNoHistoryCommands(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("MOTACILLA_SERVER_TOKEN", "")
	base, token := serveHistory(t, false)
	s, root := shell{t, base}, token("root", access.Admin)
	post := s.want(0, `[0-9a-f-]{36}\n`, "", root, "post add match", "one")
	s.want(1, ``, "this server keeps no versions of posts", root, "post delete match --for-good "+post)
	s.want(0, `(?s).*`+post+`.*`, "", root, "post list match")
}
