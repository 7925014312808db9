package picture

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"

	"github.com/motacilla-live/motacilla/media/internal/spool"
)

// Set is an image in its sizes.
type Set struct {
	Width, Height int    // of the largest size
	Color         string // the average, such as #336699; "" if the image is translucent
	Sizes         []Size // the smallest first
}

// Size is one size of an image, as JPEG or PNG without metadata.
type Size struct {
	Width, Height int
	Format        Format
	Bytes         int64
	Digest        string // SHA-256 in hexadecimal
	File          *spool.File
}

// Close removes the files of the sizes.
func (s *Set) Close() {
	for _, size := range s.Sizes {
		_ = size.File.Close()
	}
}

// Upright returns the width and height of an image after it was turned.
func (i Info) Upright() (width, height int) {
	if i.Orientation >= 5 {
		return i.Height, i.Width
	}
	return i.Width, i.Height
}

// Needs returns how many bytes Convert needs for an image, beside a few that do not depend on it.
func Needs(info Info, widths []int) int64 {
	w, h := info.Upright()
	kept := Widths(w, widths)
	top := int64(kept[len(kept)-1])
	pixels := top * (top*int64(h)/int64(w) + 1)
	return info.Memory + 8*pixels + 1<<20
}

// Widths returns those of widths that are less than an image's width, and the largest that it has: its own, or the last of widths.
// widths are sorted.
func Widths(width int, widths []int) []int {
	var kept []int
	for _, w := range widths {
		if w >= width {
			return append(kept, width)
		}
		kept = append(kept, w)
	}
	return kept
}

// Convert decodes the image that Check has found in r, and makes its sizes in files of the folder temp. The caller must close
// what it returns.
func Convert(ctx context.Context, r io.Reader, info Info, widths []int, temp string) (set *Set, err error) {
	set = &Set{}
	defer func() {
		if err != nil {
			set.Close()
		}
	}()
	src, err := decode(info, bufio.NewReader(r))
	if err != nil {
		return set, err
	}
	w, h := info.Upright()
	kept := Widths(w, widths)
	set.Width = kept[len(kept)-1]
	set.Height = heightOf(set.Width, w, h)
	largest := image.Pt(set.Width, set.Height)
	if info.Orientation >= 5 {
		largest = image.Pt(largest.Y, largest.X)
	}
	top := upright(shrink(src, largest.X, largest.Y), info.Orientation)
	src = nil //nolint:ineffassign,wastedassign // the memory is free while the sizes are encoded
	opaque := top.Opaque()
	for i, width := range kept {
		if ctx.Err() != nil {
			return set, ctx.Err()
		}
		scaled := shrink(top, width, heightOf(width, w, h))
		if i == 0 && opaque {
			set.Color = colour(scaled)
		}
		size, err := encode(scaled, opaque, info.Lossless, temp)
		if err != nil {
			return set, err
		}
		set.Sizes = append(set.Sizes, size)
	}
	return set, nil
}

// heightOf returns the height at a width of an image of w x h pixels.
func heightOf(width, w, h int) int {
	return max(1, int((int64(width)*int64(h)+int64(w)/2)/int64(w)))
}

// colour returns the average of all pixels.
func colour(m *image.RGBA) string {
	one := boxes(m, 1, min(m.Rect.Dy(), 256)) // in rows, so that sums stay small
	var r, g, b int
	for i := 0; i < len(one.Pix); i += 4 {
		r, g, b = r+int(one.Pix[i]), g+int(one.Pix[i+1]), b+int(one.Pix[i+2])
	}
	n := len(one.Pix) / 4
	return fmt.Sprintf("#%02x%02x%02x", r/n, g/n, b/n)
}

// quality is that of JPEGs: a reader does not see the difference to more, and pays for it.
const quality = 82

// encode writes m as a PNG if it is translucent, and else as a JPEG. If the image came without loss, it is a PNG if that is not
// larger.
func encode(m *image.RGBA, opaque, lossless bool, temp string) (Size, error) {
	if !opaque {
		return write(m, PNG, temp)
	}
	photo, err := write(m, JPEG, temp)
	if err != nil || !lossless {
		return photo, err
	}
	drawing, err := write(m, PNG, temp)
	if err != nil || drawing.Bytes > photo.Bytes {
		if err == nil {
			_ = drawing.File.Close()
			return photo, nil
		}
		_ = photo.File.Close()
		return Size{}, err
	}
	_ = photo.File.Close()
	return drawing, nil
}

func write(m *image.RGBA, format Format, temp string) (Size, error) {
	f, err := spool.New(temp)
	if err != nil {
		return Size{}, err
	}
	hash := sha256.New()
	out := bufio.NewWriterSize(io.MultiWriter(f, hash), 32<<10)
	if format == PNG {
		err = (&png.Encoder{CompressionLevel: png.DefaultCompression}).Encode(out, m)
	} else {
		err = jpeg.Encode(out, m, &jpeg.Options{Quality: quality})
	}
	if err == nil {
		err = out.Flush()
	}
	var n int64
	if err == nil {
		n, err = f.Seek(0, io.SeekCurrent)
	}
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		_ = f.Close()
		return Size{}, fmt.Errorf("write a size of an image: %w", err)
	}
	return Size{m.Rect.Dx(), m.Rect.Dy(), format, n, hex.EncodeToString(hash.Sum(nil)), f}, nil
}
