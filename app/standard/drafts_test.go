package standard_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/access"
)

// call makes a request with a token, and decodes the answer into out, unless out is nil.
func (s *accessSite) call(token, method, path, body string, out any) {
	s.Helper()
	if status, answer := s.answer(token, method, path, body); status >= 300 {
		s.Fatalf("%s %s: %d %s", method, path, status, answer)
	} else if out != nil {
		if err := json.Unmarshal(answer, out); err != nil {
			s.Fatal(err)
		}
	}
}

// answer makes a request with a token.
func (s *accessSite) answer(token, method, path, body string) (status int, answer []byte) {
	s.Helper()
	r, err := http.NewRequestWithContext(s.Context(), method, "http://"+s.server.Addr().String()+path, strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	bearerOf(token)(r)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		s.Fatal(err)
	}
	defer resp.Body.Close()
	if answer, err = io.ReadAll(resp.Body); err != nil {
		s.Fatal(err)
	}
	return resp.StatusCode, answer
}

// schedule schedules a draft for soon. A time that has passed before the server has the request is refused, so a slow machine gets a
// later one.
func (s *accessSite) schedule(token, path string) {
	s.Helper()
	for soon := 300 * time.Millisecond; ; soon *= 2 {
		at := time.Now().Add(soon).UTC().Format(time.RFC3339Nano)
		switch status, answer := s.answer(token, http.MethodPost, path, `{"at":"`+at+`"}`); {
		case status == http.StatusOK:
			return
		case status != http.StatusBadRequest || !strings.Contains(string(answer), "in the future"):
			s.Fatalf("%s: %d %s", path, status, answer)
		}
	}
}

// A contributor's draft that an editor publishes, or schedules, is in the history with both of them, and in the audit log.
func TestWhoApproved(t *testing.T) {
	s := openAccess(t)
	anna, eve := s.named(access.Contributor, access.Rights{{Role: access.Contributor}}), s.named(access.Editor, access.Rights{{Role: access.Editor}})
	const drafts = "/api/channels/own-1/drafts"
	for _, step := range []string{"publish", "schedule"} {
		var d struct{ ID, State, Post string }
		s.call(anna, http.MethodPost, drafts, `{"text":"Goal"}`, &d)
		if at := drafts + "/" + d.ID + "/" + step; step == "schedule" {
			s.schedule(eve, at)
		} else {
			s.call(eve, http.MethodPost, at, `{}`, nil)
		}
		for d.State != "published" {
			s.call(anna, http.MethodGet, drafts+"/"+d.ID, "", &d)
		}
		var got struct {
			Versions []struct {
				Who      string
				Approved struct{ Who string } `json:"approved_by"`
			}
		}
		s.call(eve, http.MethodGet, "/api/channels/own-1/posts/"+d.Post+"/versions", "", &got)
		if fmt.Sprint(got.Versions) != "[{token/contributor {token/editor}}]" {
			t.Errorf("after %s, versions are %v", step, got.Versions)
		}
		wants := map[string]bool{
			"draft POST " + drafts + " token/contributor ":                                     true,
			"write POST " + drafts + "/" + d.ID + "/" + step + " token/editor ":                true,
			"publish   token/editor draft " + d.ID + " of token/contributor as post " + d.Post: true,
		}
		for len(wants) > 0 {
			events, _, err := s.kit.Audit(t.Context(), "", 100) // it is written within a second
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range events {
				delete(wants, strings.Join([]string{e.Action, e.Method, e.Path, e.Who, e.Detail}, " "))
			}
			if t.Context().Err() != nil {
				t.Fatal(wants)
			}
		}
	}
}
