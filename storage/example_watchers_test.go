package storage_test

import (
	"fmt"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage"
)

// What a store does for Watch within its process: hints are passed on to everyone who watches.
func ExampleWatchers() {
	var watchers storage.Watchers
	_, end := watchers.Begin(func(m motacilla.Moved) {
		if m == (motacilla.Moved{}) {
			fmt.Println("watching")
			return
		}
		fmt.Println(m.Channel, "is at", m.Head)
	})
	watchers.Tell(motacilla.Moved{Channel: "match-42", Head: 7})
	end()
	watchers.Tell(motacilla.Moved{Channel: "match-42", Head: 8})
	// Output:
	// watching
	// match-42 is at 7
}
