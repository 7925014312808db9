package route_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/motacilla-live/motacilla/route"
)

func ExampleTable() {
	table := route.NewTable()
	hello := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ch, err := route.ChannelID(r)
		if err != nil {
			route.WriteError(w, r, err)
			return
		}
		fmt.Fprintf(w, "hello from %s", ch)
	})
	err := table.Add(`publisher "hello"`, "/live", route.Route{Name: "hello", Pattern: "hello/{channel_id}/", Handler: hello})
	if err != nil {
		fmt.Println(err)
		return
	}
	url, _ := table.URL("hello", "match-42")
	w := httptest.NewRecorder()
	table.ServeHTTP(w, httptest.NewRequest(http.MethodGet, url, nil))
	fmt.Println(url, w.Body)

	fmt.Println(table.Add(`publisher "other"`, "/live", route.Route{Pattern: "hello/{id}", Handler: hello}))
	// Output:
	// /live/hello/match-42/ hello from match-42
	// publisher "hello" and publisher "other" both claim the path /live/hello/{id}/
}
