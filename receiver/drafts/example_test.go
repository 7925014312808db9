package drafts_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/receiver/drafts"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage/memory"
)

// Without fx, the receiver needs a store, its records, an authorisation hook and a table of routes. Here Ann writes a draft, which is no
// post yet.
func ExampleNew() {
	store := memory.New(nil)
	defer store.Close()
	ann, _ := route.NewHolder("session-1", "person/ann", "Ann")
	hook := func(*http.Request, motacilla.ChannelID, route.Action) (route.Grant, error) {
		return route.Grant{Holder: ann}, nil
	}
	table := route.NewTable()
	d := drafts.New(&receiver.Kit{Sink: store, Records: store.Records()}, hook, nil)
	if err := table.Add(`receiver "drafts"`, "", d.URLs()...); err != nil {
		fmt.Println(err)
		return
	}
	r := httptest.NewRequest(http.MethodPost, "/api/channels/match-42/drafts", strings.NewReader(`{"text":"Goal?"}`))
	if _, err := store.PutChannel(r.Context(), motacilla.Channel{ID: "match-42"}, 0); err != nil {
		fmt.Println(err)
		return
	}
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	table.ServeHTTP(w, r)
	posts, err := store.Posts(r.Context(), "match-42", motacilla.Query{})
	fmt.Println(w.Code, len(posts.Posts), err)
	// Output: 201 0 <nil>
}
