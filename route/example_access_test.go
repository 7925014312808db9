package route_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/route"
)

// A private channel can be read with the token only.
func ExampleGuard() {
	channel := func(_ context.Context, id motacilla.ChannelID) (motacilla.Channel, error) {
		return motacilla.Channel{ID: id, Access: motacilla.Private}, nil
	}
	hook := route.NewToken("s3cret", channel, nil)
	hello := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") })
	rt := route.Guard(route.Route{Name: "hello", Pattern: "/hello/{channel_id}", Handler: hello}, route.Read, hook.Authorize)
	table := route.NewTable()
	if err := table.Add("hello", "/", rt); err != nil {
		fmt.Println(err)
		return
	}
	for _, token := range []string{"", "Bearer s3cret"} {
		r := httptest.NewRequest("GET", "/hello/match-42", nil)
		r.Header.Set("Authorization", token)
		w := httptest.NewRecorder()
		table.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Header().Get("Content-Type"))
	}
	// Output:
	// 403 application/problem+json
	// 200 text/plain; charset=utf-8
}

// Scripts of one other site may read.
func ExampleOrigins() {
	origins := route.NewOrigins("https://www.example.org")
	for _, origin := range []string{"https://www.example.org", "https://live.example.org", "https://evil.example"} {
		fmt.Println(origin, origins.Allow(origin, "live.example.org"))
	}
	// Output:
	// https://www.example.org true
	// https://live.example.org true
	// https://evil.example false
}

// One address may make three requests at once, and then one each second.
func ExampleRateLimit() {
	limit := route.NewRateLimit(1, &route.RateLimitOptions{Burst: 3})
	h := limit.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for n := 0; ; n++ {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		if w.Code != http.StatusOK {
			fmt.Println(n >= 3, w.Code, w.Header().Get("Retry-After") != "") // n is 3 unless this took a second
			return
		}
	}
	// Output:
	// true 429 true
}
