// Package picture checks images that come from outside, and makes the sizes that readers get. Check reads headers alone, and needs
// little memory whatever the file has. Convert decodes.
package picture

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/motacilla-live/motacilla"
)

// Limits are the limits of Check.
type Limits struct {
	Pixels int64 // width times height
	Frames int
}

// Info is what the header of an image says.
type Info struct {
	Format        Format
	Width, Height int   // as stored; the orientation may exchange them
	Frames        int   // of an animation; 1 otherwise
	Orientation   int   // 1 to 8, as EXIF counts them
	Memory        int64 // bytes that decoding needs
	Lossless      bool  // it may be a drawing, which PNG may hold in fewer bytes than JPEG
}

// Format is a kind of file.
type Format string

// The formats that Convert decodes.
const (
	JPEG Format = "JPEG"
	PNG  Format = "PNG"
	GIF  Format = "GIF"
	WebP Format = "WebP"
)

// maxSide is the largest width and height. JPEG has no larger ones, and neither has a block of a post.
const maxSide = 65535

// field is the field that errors name.
const field = "image"

// wrong returns an ErrInvalid of the image.
func wrong(format string, args ...any) error { return motacilla.Invalid(field, format, args...) }

var errTruncated = wrong("is cut off: its end is missing")

// broken returns what an error of reading an image means.
func broken(f Format, err error) error {
	switch {
	case err == nil || errors.Is(err, motacilla.ErrInvalid):
		return err
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errTruncated
	}
	return wrong("is a broken %s: %v", f, err)
}

// Check reads the header of the size bytes of r, and returns what it says. The error is an ErrInvalid that names the limit and
// what the image has, or says why the image can't be taken. The bytes alone say which format it is.
func Check(r io.ReaderAt, size int64, limits Limits) (Info, error) {
	whole := func() *bufio.Reader { return bufio.NewReaderSize(io.NewSectionReader(r, 0, size), 32<<10) }
	head := make([]byte, 512)
	n, err := r.ReadAt(head[:min(size, int64(len(head)))], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return Info{}, fmt.Errorf("read image: %w", err)
	}
	format, err := sniff(head[:n])
	if err != nil {
		return Info{}, err
	}
	s := &scanner{r: whole(), size: size, limits: limits}
	info := Info{Format: format, Frames: 1, Orientation: 1}
	switch format {
	case JPEG:
		err = s.jpeg(&info)
	case PNG:
		err = s.png(&info)
	case GIF:
		err = s.gif(&info)
	default:
		err = s.webp(&info)
	}
	if err != nil {
		return Info{}, broken(format, err)
	}
	// The decoder reads the header in its own way. It must not find another size.
	config, err := decodeConfig(format, whole())
	if err != nil {
		return Info{}, broken(format, err)
	}
	if config.Width != info.Width || config.Height != info.Height {
		return Info{}, wrong("is a broken %s: it has two sizes", format)
	}
	return info, nil
}

// sniff returns the format of a file that begins with head.
func sniff(head []byte) (Format, error) {
	const take = "send a JPEG, PNG, GIF or WebP"
	begins := func(s string) bool { return bytes.HasPrefix(head, []byte(s)) }
	switch {
	case len(head) == 0:
		return "", wrong("must not be empty")
	case begins("\xff\xd8\xff"):
		return JPEG, nil
	case begins("\x89PNG\r\n\x1a\n"):
		return PNG, nil
	case begins("GIF87a"), begins("GIF89a"):
		return GIF, nil
	case begins("RIFF") && len(head) >= 12 && string(head[8:12]) == "WEBP":
		return WebP, nil
	case len(head) >= 12 && string(head[4:8]) == "ftyp":
		switch brand := string(head[8:12]); brand {
		case "avif", "avis":
			return "", wrong("is an AVIF, which this server can't decode: " + take)
		case "heic", "heix", "mif1", "msf1", "heif", "hevc":
			return "", wrong("is a HEIC, which this server can't decode: " + take)
		}
	case begins("II*\x00"), begins("MM\x00*"):
		return "", wrong("is a TIFF, which this server does not take: " + take)
	}
	text := bytes.ToLower(bytes.TrimSpace(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf"))))
	if bytes.HasPrefix(text, []byte("<")) && bytes.Contains(text, []byte("<svg")) {
		return "", wrong("is an SVG, which may have scripts and is not taken: " + take)
	}
	return "", wrong("must be a JPEG, PNG, GIF or WebP, whatever its name says")
}

// scanner reads a header.
type scanner struct {
	r      *bufio.Reader
	size   int64 // of the file
	limits Limits
}

// dimensions checks the size of an image, and sets it.
func (s *scanner) dimensions(info *Info, width, height int) error {
	switch {
	case width < 1 || height < 1:
		return wrong("must have a width and a height")
	case width > maxSide || height > maxSide:
		return wrong("must be at most %d pixels wide and high; it is %d x %d", maxSide, width, height)
	case int64(width)*int64(height) > s.limits.Pixels:
		return wrong("must have at most %s megapixels; it has %s", mega(s.limits.Pixels), mega(int64(width)*int64(height)))
	}
	info.Width, info.Height = width, height
	return nil
}

// mega returns millions, to one decimal place.
func mega(n int64) string {
	return fmt.Sprintf("%v", math.Round(float64(n)/1e5)/10)
}

// frames checks the number of frames, and sets it.
func (s *scanner) frames(info *Info, n int64) error {
	if n > int64(s.limits.Frames) {
		return wrong("must have at most %d frames; it has more", s.limits.Frames)
	}
	info.Frames = max(int(n), 1)
	return nil
}

// next returns the next n bytes. They are valid until the next call.
func (s *scanner) next(n int) ([]byte, error) {
	b := make([]byte, n)
	_, err := io.ReadFull(s.r, b)
	return b, err
}

// skip passes over n bytes.
func (s *scanner) skip(n int64) error {
	const most = 1 << 20
	for n > 0 {
		k, err := s.r.Discard(int(min(n, most)))
		if err != nil {
			return err
		}
		n -= int64(k)
	}
	return nil
}
