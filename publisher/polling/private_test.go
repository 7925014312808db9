package polling_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/route"
)

// A channel becomes private after a reader was authorised and before it is answered.
func TestChannelBecomesPrivate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := build(t, nil, nil, nil)
		s.authorize = func(*http.Request, motacilla.ChannelID, route.Action) (route.Grant, error) {
			return route.Grant{WhilePublic: true}, nil
		}
		head := s.head()
		ours := s.begin(t.Context(), "GET", longPath+"?since="+head.String())
		old := s.begin(t.Context(), "GET", longPath+"?last_update_ts="+head.Timestamp())
		time.Sleep(time.Second)
		s.EditChannel(match, func(c *motacilla.Channel) { c.Access, c.Title = motacilla.Private, "A secret" })
		s.post("A secret")
		<-ours.done
		<-old.done
		heartbeat(t, ours.Body.String(), head)
		if ours.took > 2*time.Second || old.Body.String() != timedOut {
			t.Errorf("after %v, %v: %s", ours.took, old.took, old.Body)
		}

		s.tellsNothing(t)
	})
}

// tellsNothing asks in every way on behalf of a reader that may read no more when it is answered. A request that is held is answered as if
// its time were up.
func (s *site) tellsNothing(t *testing.T) {
	t.Helper()
	for _, ask := range []struct {
		method, target string
		status         int
	}{
		{"GET", intervalPath + "?since=0", http.StatusForbidden},
		{"GET", intervalPath + "?last_update_ts=0", http.StatusForbidden},
		{"POST", intervalPath, http.StatusForbidden},
		{"POST", longPath, http.StatusForbidden},
		{"GET", longPath + "?since=0", http.StatusOK},
		{"GET", longPath + "?last_update_ts=0", http.StatusOK},
	} {
		a := s.begin(t.Context(), ask.method, ask.target)
		<-a.done
		body := a.Body.String()
		if a.Code != ask.status || strings.Contains(body, "secret") || strings.Contains(body, "renders\":{\"") {
			t.Errorf("%s %s: %d %s", ask.method, ask.target, a.Code, body)
		}
	}
}

// A permission is revoked after the hook has given it and before the reader is answered.
func TestRevokedBeforeTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := build(t, nil, nil, nil)
		s.EditChannel(match, func(c *motacilla.Channel) { c.Access = motacilla.Private })
		s.post("A secret")
		s.authorize = func(*http.Request, motacilla.ChannelID, route.Action) (route.Grant, error) {
			holder, revoke := route.NewHolder("session/1", "person/anna", "Anna")
			revoke()
			return route.Grant{Holder: holder}, nil
		}
		s.tellsNothing(t)
	})
}
