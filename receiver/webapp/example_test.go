package webapp_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/motacilla-live/motacilla/receiver/webapp"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage/memory"
)

// The receiver without fx needs a store, an authorisation hook and a table of routes.
func ExampleNew() {
	store := memory.New(nil)
	defer store.Close()
	hook := route.NewToken("the-token", store.Channel, nil)
	table := route.NewTable()
	if err := table.Add(`receiver "webapp"`, "", webapp.New(store, hook.Authorize, nil).URLs()...); err != nil {
		fmt.Println(err)
		return
	}
	for _, c := range []struct{ target, body string }{
		{"/api/channels", `{"id":"match-42","title":"Final"}`},
		{"/api/channels/match-42/posts", `{"text":"Kick-off","message_id":"1"}`},
		{"/api/channels/match-42/posts", `{"text":"Kick-off","message_id":"1"}`},
	} {
		r := httptest.NewRequest(http.MethodPost, c.target, strings.NewReader(c.body))
		r.Header.Set("Authorization", "Bearer the-token")
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		table.ServeHTTP(w, r)
		fmt.Println(w.Code, c.target)
	}
	// Output:
	// 201 /api/channels
	// 201 /api/channels/match-42/posts
	// 200 /api/channels/match-42/posts
}
