package webapp_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/receiver/webapp"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage/memory"
)

// A hook that does not know yet that the channel is private lets strangers read it.
func TestChannelBecamePrivateElsewhere(t *testing.T) {
	store := memory.New(nil)
	defer store.Close()
	if _, err := store.PutChannel(t.Context(), motacilla.Channel{ID: "c", Access: motacilla.Private}, 0); err != nil {
		t.Fatal(err)
	}
	p, err := store.PutPost(t.Context(), "c", motacilla.Post{Show: true, Content: []motacilla.Block{motacilla.PlainText("x")}}, 0)
	if err != nil {
		t.Fatal(err)
	}
	late := func(*http.Request, motacilla.ChannelID, route.Action) (route.Grant, error) {
		return route.Grant{WhilePublic: true}, nil
	}
	table := route.NewTable()
	if err := table.Add("webapp", "", webapp.New(store, late, nil).URLs()...); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"", "/posts", "/posts/" + string(p.ID)} {
		w := httptest.NewRecorder()
		table.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/api/channels/c"+path, nil))
		if w.Code != http.StatusForbidden {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	w := httptest.NewRecorder()
	table.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/api/channels", nil))
	if w.Code != http.StatusOK || strings.Contains(w.Body.String(), `"id":"c"`) {
		t.Errorf("the list: %d %s", w.Code, w.Body)
	}
}
