package local_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/motacilla-live/motacilla/media"
	"github.com/motacilla-live/motacilla/media/local"
)

// A file stays in the folder when the process ends.
func ExampleNew() {
	dir, err := os.MkdirTemp("", "media")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)

	ctx, gif := context.Background(), "GIF89a…"
	file := media.File{Type: "image/gif", Size: int64(len(gif))}
	if err := local.New(&local.Options{Path: dir}).Put(ctx, "the-goal/320.gif", file, strings.NewReader(gif)); err != nil {
		fmt.Println(err)
		return
	}
	file, body, err := local.New(&local.Options{Path: dir}).Open(ctx, "the-goal/320.gif")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer body.Close()
	data, err := io.ReadAll(body)
	fmt.Println(file.Type, file.Size, string(data), err)
	// Output: image/gif 9 GIF89a… <nil>
}
