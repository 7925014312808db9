package webhook_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/live"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/webhook"
	"github.com/motacilla-live/motacilla/receiver/verify"
	"github.com/motacilla-live/motacilla/storage/memory"
)

// A site that calls a program of your own for each update, and that program.
func ExampleNew() {
	const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	check, err := verify.Standard(0, secret)
	if err != nil {
		fmt.Println(err)
		return
	}
	done := make(chan struct{}, 100)
	program := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if err := check.Verify(r.Header, body, time.Now()); err != nil {
			http.Error(w, err.Error(), http.StatusUnauthorized)
			return
		}
		done <- struct{}{}
	}))
	defer program.Close()

	ctx := context.Background()
	store := memory.New(nil)
	defer store.Close()
	var target *webhook.Target
	site, err := live.New(live.Options{
		Store: store,
		Publishers: func(p *live.Parts) []publisher.Publisher {
			target, err = webhook.New(p.RelayKit(), &webhook.Options{
				URL: program.URL, Secrets: []string{secret}, Allow: []string{"127.0.0.0/8"},
			})
			if err != nil {
				return nil
			}
			return []publisher.Publisher{target}
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := site.Start(ctx); err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = site.Shutdown(ctx) }()
	for !target.Status().Leading { // a relay begins with what happens from then on
		time.Sleep(time.Millisecond)
	}
	_, _ = store.PutChannel(ctx, motacilla.Channel{ID: "match-42", Title: "Final"}, 0)
	post := motacilla.Post{Show: true, Content: []motacilla.Block{motacilla.PlainText("Goal!")}}
	_, _ = store.PutPost(ctx, "match-42", post, 0)
	<-done
	fmt.Println("the program has an update")
	// Output: the program has an update
}
