package media_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"strings"

	"github.com/motacilla-live/motacilla/media"
	files "github.com/motacilla-live/motacilla/media/memory"
	"github.com/motacilla-live/motacilla/storage/memory"
)

// A picture is checked, and converted to the sizes that pages offer.
func ExampleLibrary() {
	store := memory.New(nil)
	defer store.Close()
	library, err := media.NewLibrary(files.New(), store.Records(), &media.Options{Widths: []string{"320", "640"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	var photo bytes.Buffer
	if err := png.Encode(&photo, image.NewRGBA(image.Rect(0, 0, 800, 600))); err != nil {
		fmt.Println(err)
		return
	}
	block, err := library.Add(context.Background(), "the-goal", &photo)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(block.Width, block.Height)
	for size := range strings.SplitSeq(block.Srcset, ", ") {
		_, width, _ := strings.Cut(size, " ")
		fmt.Println(width)
	}
	_, err = library.Add(context.Background(), "a-text", strings.NewReader("This is no image."))
	fmt.Println(err)
	// Output:
	// 640 480
	// 320w
	// 640w
	// add image "a-text": image: must be a JPEG, PNG, GIF or WebP, whatever its name says
}
