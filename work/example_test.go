package work_test

import (
	"context"
	"fmt"
	"time"

	"github.com/motacilla-live/motacilla/storage/memory"
	"github.com/motacilla-live/motacilla/work"
)

// A job outlives the node that has added it.
func ExampleQueue() {
	store := memory.New(nil)
	defer store.Close()
	ctx := context.Background()

	// This node adds a job. It never starts the queue, as if it had died.
	first := work.NewQueue(store.Records(), "letters", nil, nil)
	if err := first.Add(ctx, "letter-7", []byte("Dear reader")); err != nil {
		fmt.Println(err)
		return
	}

	// Another node does it.
	done := make(chan struct{})
	second := work.NewQueue(store.Records(), "letters", func(_ context.Context, job work.Job) error {
		defer close(done)
		fmt.Printf("%s: %s, attempt %d\n", job.Key, job.Payload, job.Attempt)
		return nil
	}, nil)
	if err := second.Start(ctx); err != nil {
		fmt.Println(err)
		return
	}
	<-done
	if err := second.Shutdown(ctx); err != nil {
		fmt.Println(err)
	}
	// Output: letter-7: Dear reader, attempt 1
}

// One node at a time watches a source.
func ExampleHold() {
	store := memory.New(nil)
	defer store.Close()
	ctx, stop := context.WithCancel(context.Background())
	work.Hold(ctx, store.Records(), "the score", nil, func(context.Context, *work.Term) {
		fmt.Println("this node watches the score")
		stop()
	})
	// Output: this node watches the score
}

// The same message, delivered twice, is taken once.
func ExampleSeen() {
	store := memory.New(nil)
	defer store.Close()
	seen := work.NewSeen(store.Records(), "scores", time.Hour)
	for range 2 {
		err := seen.Once(context.Background(), "message-7", func(context.Context) error {
			fmt.Println("taken")
			return nil
		})
		if err != nil {
			fmt.Println(err)
		}
	}
	// Output: taken
}
