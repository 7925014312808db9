package memory_test

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/media"
	"github.com/motacilla-live/motacilla/media/memory"
)

// A file is there until it is removed.
func ExampleNew() {
	ctx, store := context.Background(), memory.New()
	err := store.Put(ctx, "the-goal/320.gif", media.File{Type: "image/gif", Size: 6}, strings.NewReader("GIF89a"))
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := store.Delete(ctx, "the-goal/320.gif"); err != nil {
		fmt.Println(err)
		return
	}
	_, _, err = store.Open(ctx, "the-goal/320.gif")
	fmt.Println(errors.Is(err, motacilla.ErrNotFound))
	// Output: true
}
