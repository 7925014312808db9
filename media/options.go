package media

import (
	"slices"
	"strconv"
	"time"

	"github.com/motacilla-live/motacilla"
	"go.uber.org/zap"
)

// Options are the settings of a Library. nil and zero fields mean the defaults.
type Options struct {
	MaxBytes     int           `key:"max_bytes" min:"1" doc:"the most bytes of an image that is taken"`
	MaxPixels    int           `key:"max_pixels" min:"1" doc:"the most pixels of an image that is taken, width times height"`
	MaxFrames    int           `key:"max_frames" min:"1" doc:"the most frames of an animation that is taken; readers see the first"`
	Widths       []string      `key:"widths" doc:"widths of the sizes that are made, in pixels; none is larger than the image"`
	Memory       int           `key:"memory" min:"1" doc:"the most bytes of memory that conversions need at a time; others wait"`
	Grace        time.Duration `key:"grace" min:"1h" doc:"time after which an image that no post has is removed; it may take two days more"`
	CollectEvery time.Duration `key:"collect_every" min:"1m" doc:"time between two searches for images that no post has"`
	TempDir      string        `key:"temp_dir" doc:"folder for uploads while they are converted; empty is that of the system"`
	Logger       *zap.Logger   `key:"-"` // nil logs nothing
}

// DefaultOptions returns the default settings, for a configuration to show.
func DefaultOptions() *Options {
	return &Options{
		MaxBytes: 20 << 20, MaxPixels: 50_000_000, MaxFrames: 1000, Widths: []string{"320", "640", "960", "1280", "1920"},
		Memory: 512 << 20, Grace: 7 * 24 * time.Hour, CollectEvery: 24 * time.Hour,
	}
}

// withDefaults returns o with its defaults.
func (o *Options) withDefaults() Options {
	d := *DefaultOptions()
	if o == nil {
		o = &Options{}
	}
	d.TempDir, d.Logger = o.TempDir, o.Logger
	if len(o.Widths) > 0 {
		d.Widths = slices.Clone(o.Widths)
	}
	for _, f := range []struct {
		to   *int
		from int
	}{{&d.MaxBytes, o.MaxBytes}, {&d.MaxPixels, o.MaxPixels}, {&d.MaxFrames, o.MaxFrames}, {&d.Memory, o.Memory}} {
		if f.from > 0 {
			*f.to = f.from
		}
	}
	if o.Grace > 0 {
		d.Grace = o.Grace
	}
	if o.CollectEvery > 0 {
		d.CollectEvery = o.CollectEvery
	}
	if d.Logger == nil {
		d.Logger = zap.NewNop()
	}
	return d
}

// The limits of Options.Widths.
const (
	maxWidths = 12 // more do not fit into a block's Srcset
	minWidth  = 16
	maxWidth  = 8192
)

// widths parses Options.Widths.
func (o *Options) widths() ([]int, error) {
	if len(o.Widths) > maxWidths {
		return nil, motacilla.Invalid("widths", "must have at most %d widths", maxWidths)
	}
	var list []int
	for _, s := range o.Widths {
		n, err := strconv.Atoi(s)
		if err != nil || n < minWidth || n > maxWidth {
			return nil, motacilla.Invalid("widths", "must be numbers of pixels, %d to %d; one is %q", minWidth, maxWidth, s)
		}
		list = append(list, n)
	}
	slices.Sort(list)
	return slices.Compact(list), nil
}
