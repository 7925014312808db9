package webpush_test

import (
	"fmt"
	"log"

	"github.com/motacilla-live/motacilla/live"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/sse"
	"github.com/motacilla-live/motacilla/publisher/webpush"
	"github.com/motacilla-live/motacilla/storage/memory"
)

func Example() {
	store := memory.New(nil)
	defer store.Close()
	o := webpush.Defaults()
	o.Contact = "mailto:live@example.org"
	site, err := live.New(live.Options{Store: store, Publishers: func(p *live.Parts) []publisher.Publisher {
		push, err := webpush.New(p.RelayKit(), o)
		if err != nil {
			log.Fatal(err)
		}
		return []publisher.Publisher{sse.New(p.Feed, nil), push}
	}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(site.URL("web-push", "match-42"))
	// Output: /live/web-push/match-42/ <nil>
}
