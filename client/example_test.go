package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/client"
)

// A client of a server below a path, which waits longer than usual for a server that restarts, and says so.
func ExampleNew() {
	c, err := client.New("https://example.org/news/live", &client.Options{
		Token:    os.Getenv("MOTACILLA_SERVER_TOKEN"),
		Attempts: 20,
		Retry: func(err error, wait time.Duration) error {
			log.Printf("%v; trying again in %v", err, wait.Round(time.Second))
			return nil
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer c.CloseIdleConnections()
}

// A view that holds what the page shows, until the channel is deleted.
func ExampleClient_Follow() {
	c, err := client.New("http://127.0.0.1:8080", nil)
	if err != nil {
		log.Fatal(err)
	}
	var view motacilla.View
	for u, err := range c.Follow(context.Background(), "match-42", nil) {
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
func ExampleClient_Follow_options() {
	c, err := client.New("https://example.org/live-blog", &client.Options{Token: "the server's, for a private channel"})
	if err != nil {
		log.Fatal(err)
	}
	faults := 0
	o := &client.FollowOptions{
		Transports: []string{"long-polling", "interval-polling"},
		Since:      1763890000456789,
		Retry: func(err error, wait time.Duration) error {
			if faults++; faults == 3 {
				return err
			}
			log.Printf("%v; trying again in %v", err, wait.Round(time.Second))
			return nil
		},
	}
	for u, err := range c.Follow(context.Background(), "match-42", o) {
		if err != nil {
			log.Fatal(err)
		}
		faults = 0
		for _, r := range u.Renders {
			fmt.Println(r.ID, r.Content)
		}
	}
}

// Two channels over one connection. One more is added later, and one is given up.
func ExampleClient_FollowMany() {
	c, err := client.New("http://127.0.0.1:8080", nil)
	if err != nil {
		log.Fatal(err)
	}
	m, err := c.FollowMany(nil)
	if err != nil {
		log.Fatal(err)
	}
	for channel, since := range map[motacilla.ChannelID]motacilla.Revision{"match-42": 0, "match-43": 1763890000456789} {
		if err := m.Add(channel, since); err != nil {
			log.Fatal(err)
		}
	}
	for u, err := range m.Updates(context.Background()) {
		switch {
		case err != nil && u.Channel != "":
			log.Print(err) // the other channels go on
			continue
		case err != nil:
			log.Fatal(err)
		}
		fmt.Println(u.Channel, "is at", u.Revision)
		if u.State != nil && !u.State.Ended.IsZero() {
			m.Remove(u.Channel)
			if err := m.Add("next-match", 0); err != nil {
				log.Fatal(err)
			}
		}
	}
}

// A post with a picture, and with the ID that the message has in the system from which it comes. If the program runs
// again, it makes no second post.
func ExampleClient_CreatePost() {
	c, err := client.New("http://127.0.0.1:8080", &client.Options{Token: "s3cret"})
	if err != nil {
		log.Fatal(err)
	}
	post, err := c.CreatePost(context.Background(), "match-42", client.NewPost{
		MessageID: "ticker-1887",
		Author:    "Mara",
		KeyEvent:  true,
		Content: []motacilla.RawBlock{
			{Type: motacilla.TextBlock, Text: "<p>19 min: <b>Goal!</b></p>"},
			{Type: motacilla.ImageBlock, URL: "https://example.org/goal.jpg", Alt: "The ball in the net", Width: 1200, Height: 800},
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(post.ID, post.Revision)
}

// Appending to a post. If somebody else changes the post at the same time, nothing of that is lost.
func ExampleClient_EditPost() {
	c, err := client.New("http://127.0.0.1:8080", &client.Options{Token: "s3cret"})
	if err != nil {
		log.Fatal(err)
	}
	ctx, id := context.Background(), motacilla.PostID("01a20ada-91a0-7cc4-8e21-5b1c8ff0d8a3")
	for {
		post, err := c.Post(ctx, "match-42", id)
		if err != nil {
			log.Fatal(err)
		}
		_, err = c.EditPost(ctx, "match-42", id, client.PostChange{
			Content:    append(post.Content, motacilla.RawBlock{Type: motacilla.TextBlock, Text: "<p>The goal stands.</p>"}),
			IfRevision: post.Revision,
		})
		if errors.Is(err, motacilla.ErrConflict) {
			continue
		}
		if err != nil {
			log.Fatal(err)
		}
		return
	}
}

// What went wrong: the field of an input, or that the server can't be reached.
func ExampleError() {
	c, err := client.New("http://127.0.0.1:8080", &client.Options{Token: "s3cret", Attempts: 1})
	if err != nil {
		log.Fatal(err)
	}
	_, err = c.CreateChannel(context.Background(), client.NewChannel{ID: "match-42", Title: "Final"})
	var answer *client.Error
	switch {
	case errors.Is(err, motacilla.ErrExists):
		fmt.Println("somebody has created it already")
	case errors.Is(err, motacilla.ErrUnavailable):
		fmt.Println("there is no server, or it can't answer now; the channel may have been created")
	case errors.As(err, &answer):
		fmt.Println(answer.Status, answer.Field, answer.Detail)
	}
}
