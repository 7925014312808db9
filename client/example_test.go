package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/client"
)

// A view that holds what the page shows, until the channel is deleted.
func ExampleFollow() {
	var view motacilla.View
	for u, err := range client.Follow(context.Background(), "http://127.0.0.1:8080", "match-42", nil) {
		if errors.Is(err, motacilla.ErrNotFound) {
			fmt.Println("there is no such channel")
			return
		}
		if err != nil {
			log.Fatal(err)
		}
		view.Apply(&u, true)
		fmt.Println(view.State.Title, "has", len(view.Renders()), "posts")
	}
	fmt.Println("the channel was deleted")
}

// Resuming from a stored revision, with polling only, and ending after three failures in a row.
func ExampleFollow_options() {
	faults := 0
	o := &client.Options{
		Transports: []string{"long-polling", "interval-polling"},
		Since:      1763890000456789,
		Token:      "the server's, for a private channel",
		Retry: func(err error, wait time.Duration) error {
			if faults++; faults == 3 {
				return err
			}
			log.Printf("%v; trying again in %v", err, wait.Round(time.Second))
			return nil
		},
	}
	for u, err := range client.Follow(context.Background(), "https://example.org/live-blog", "match-42", o) {
		if err != nil {
			log.Fatal(err)
		}
		faults = 0
		for _, r := range u.Renders {
			fmt.Println(r.ID, r.Content)
		}
	}
}
