package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/mattn/go-runewidth"
)

const (
	barWidth = 30      // columns
	barFrom  = 1 << 20 // bytes; a smaller file is there at once
)

// bar shows how far the upload of a large file is, on a terminal in one line that changes.
type bar struct {
	w     io.Writer
	name  string
	shown int // of barWidth; -1 if nothing was shown
}

func newBar(w io.Writer, name string) *bar {
	return &bar{w: w, name: runewidth.Truncate(oneLine(name), 24, "…"), shown: -1}
}

// show is a client.UploadOptions.Progress.
func (b *bar) show(sent, total int64) {
	if total < barFrom || !isTerminal(b.w) {
		return
	}
	full := int(sent * barWidth / total)
	if full == b.shown {
		return
	}
	b.shown = full
	fmt.Fprintf(b.w, "\r\x1b[K%s [%s%s] %3d%% of %.1f MB", b.name, strings.Repeat("#", full), strings.Repeat(" ", barWidth-full),
		sent*100/total, float64(total)/1e6)
}

// end removes the line.
func (b *bar) end() {
	if b.shown >= 0 {
		fmt.Fprint(b.w, "\r\x1b[K")
	}
}
