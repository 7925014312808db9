package picture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
)

var limits = Limits{Pixels: 50_000_000, Frames: 1000}

var widths = []int{80, 160} // small, as the codecs are slow with the race detector

// corners returns an image whose quarters have four colours: red and green above, blue and white below.
func corners(w, h int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.SetNRGBA(x, y, quarters[2*(2*y/h)+2*x/w])
		}
	}
	return m
}

var quarters = []color.NRGBA{{255, 0, 0, 255}, {0, 255, 0, 255}, {0, 0, 255, 255}, {255, 255, 255, 255}}

func jpegOf(t testing.TB, m image.Image) []byte {
	t.Helper()
	var buf bytes.Buffer
	if err := jpeg.Encode(&buf, m, &jpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func pngOf(t testing.TB, m image.Image) []byte {
	t.Helper()
	var buf bytes.Buffer
	if err := png.Encode(&buf, m); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func gifOf(t testing.TB, w, h, frames int) []byte {
	t.Helper()
	g := &gif.GIF{}
	for range frames {
		g.Image = append(g.Image, image.NewPaletted(image.Rect(0, 0, w, h), color.Palette{color.Black, color.White}))
		g.Delay = append(g.Delay, 1)
	}
	var buf bytes.Buffer
	if err := gif.EncodeAll(&buf, g); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// exif returns an EXIF block with an orientation, a place and a camera.
func exif(order binary.AppendByteOrder, orientation int) []byte {
	b := []byte("II*\x00")
	if order.String() == "BigEndian" {
		b = []byte("MM\x00*")
	}
	b = order.AppendUint32(b, 8)
	b = order.AppendUint16(b, 2)
	b = order.AppendUint16(b, 0x010f) // the camera's maker
	b = order.AppendUint16(b, 2)
	b = order.AppendUint32(b, 14)
	b = order.AppendUint32(b, 38)
	b = order.AppendUint16(b, 0x0112)
	b = order.AppendUint16(b, 3)
	b = order.AppendUint32(b, 1)
	b = order.AppendUint16(b, uint16(orientation))
	b = order.AppendUint16(b, 0)
	b = order.AppendUint32(b, 0)
	return append(b, "SecretCameraXY"...)
}

// withSegment puts a segment behind the beginning of a JPEG.
func withSegment(img []byte, marker byte, data []byte) []byte {
	b := append([]byte{0xff, 0xd8, 0xff, marker}, binary.BigEndian.AppendUint16(nil, uint16(len(data)+2))...)
	return append(append(b, data...), img[2:]...)
}

// chunk returns a chunk of a PNG.
func chunk(kind string, data []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	b = append(append(b, kind...), data...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
}

// withChunk puts a chunk behind the header of a PNG.
func withChunk(img []byte, kind string, data []byte) []byte {
	return bytes.Join([][]byte{img[:33], chunk(kind, data), img[33:]}, nil)
}

// pngHeader returns a PNG that says it has this size.
func pngHeader(w, h uint32) []byte {
	head := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, w), h)
	b := append([]byte("\x89PNG\r\n\x1a\n"), chunk("IHDR", append(head, 8, 2, 0, 0, 0))...)
	return append(append(b, chunk("IDAT", []byte("x\x9c\x03\x00"))...), chunk("IEND", nil)...)
}

// riff returns a WebP of chunks.
func riff(chunks ...string) []byte {
	body := "WEBP" + strings.Join(chunks, "")
	return append(binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(body))), body...)
}

func riffChunk(kind, data string) string {
	c := kind + string(binary.LittleEndian.AppendUint32(nil, uint32(len(data)))) + data
	if len(data)%2 == 1 {
		c += "\x00"
	}
	return c
}

func check(b []byte) (Info, error) { return Check(bytes.NewReader(b), int64(len(b)), limits) }

func convert(t testing.TB, b []byte) (*Set, error) {
	t.Helper()
	info, err := check(b)
	if err != nil {
		return nil, err
	}
	set, err := Convert(t.Context(), bytes.NewReader(b), info, widths, t.TempDir())
	if err != nil {
		return nil, err
	}
	t.Cleanup(set.Close)
	return set, nil
}

func TestRefused(t *testing.T) {
	small := jpegOf(t, corners(40, 30))
	drawing := pngOf(t, corners(40, 30))
	vp8x := func(flags byte, w, h int) string {
		return riffChunk("VP8X", string([]byte{flags, 0, 0, 0, byte(w - 1), byte((w - 1) >> 8), byte((w - 1) >> 16), byte(h - 1),
			byte((h - 1) >> 8), byte((h - 1) >> 16)}))
	}
	vp8 := func(w, h int) string {
		return riffChunk("VP8 ", string([]byte{0x10, 0, 0, 0x9d, 1, 0x2a, byte(w), byte(w >> 8), byte(h), byte(h >> 8)}))
	}
	lossless := func(w, h int) string {
		bits := uint32(w-1) | uint32(h-1)<<14
		return riffChunk("VP8L", "\x2f"+string(binary.LittleEndian.AppendUint32(nil, bits)))
	}
	sof := bytes.Index(small, []byte{0xff, 0xc0})
	huge := bytes.Clone(small)
	binary.BigEndian.PutUint16(huge[sof+5:], 50000)
	binary.BigEndian.PutUint16(huge[sof+7:], 50000)
	lossy := bytes.Clone(small)
	lossy[sof+1] = 0xc3
	bigGIF := gifOf(t, 4, 4, 1)
	binary.LittleEndian.PutUint16(bigGIF[6:], 60000)
	binary.LittleEndian.PutUint16(bigGIF[8:], 60000)
	for _, c := range []struct {
		name string
		give []byte
		want string
	}{
		{"nothing", nil, "must not be empty"},
		{"a PNG of 50,000 x 50,000", pngHeader(50000, 50000), "must have at most 50 megapixels; it has 2500"},
		{"a PNG of the largest numbers", pngHeader(1<<32-1, 1<<32-1), "must be at most 65535 pixels wide and high"},
		{"a PNG without size", pngHeader(0, 5), "must have a width and a height"},
		{"a JPEG of 50,000 x 50,000", huge, "must have at most 50 megapixels; it has 2500"},
		{"a GIF of 60,000 x 60,000", bigGIF, "must have at most 50 megapixels; it has 3600"},
		{"a WebP of 16,000 x 16,000", riff(vp8(16000, 16000)), "must have at most 50 megapixels; it has 256"},
		{"a lossless WebP of 16,000 x 16,000", riff(lossless(16000, 16000)), "must have at most 50 megapixels; it has 256"},
		{"a WebP that says a smaller size", riff(vp8x(0, 10, 10), vp8(16000, 16000)), "it has two sizes"},
		{"a lossless WebP that says a smaller size", riff(vp8x(0, 10, 10), lossless(16000, 16000)), "it has two sizes"},
		{"a WebP of two pictures", riff(vp8(10, 10), vp8(10, 10)), "it has two pictures"},
		{"an animated WebP", riff(vp8x(2, 10, 10)), "is an animated WebP"},
		{"a WebP without a picture", riff(vp8x(0, 10, 10)), "it has no picture"},
		{"a GIF of 10,000 frames", gifOf(t, 2, 2, 10_000), "must have at most 1000 frames; it has more"},
		{"a GIF without frames", append([]byte("GIF89a\x02\x00\x02\x00\x00\x00\x00"), 0x3b), "it has no frame"},
		{"an animated PNG of many frames", withChunk(drawing, "acTL", []byte{0, 1, 0, 0, 0, 0, 0, 0}), "must have at most 1000 frames"},
		{"an SVG", []byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`), "is an SVG, which may have scripts"},
		{"an SVG with a prologue", []byte("\xef\xbb\xbf\n<?xml version=\"1.0\"?><!DOCTYPE x><SVG/>"), "is an SVG, which may have scripts"},
		{"HTML", []byte("<script>alert(1)</script>"), "must be a JPEG, PNG, GIF or WebP, whatever its name says"},
		{"a ZIP", []byte("PK\x03\x04aaaaaaaaaaaaaaaaaaaaaa"), "must be a JPEG, PNG, GIF or WebP"},
		{"a PDF with a JPEG in it", append([]byte("%PDF-1.4\n"), small...), "must be a JPEG, PNG, GIF or WebP"},
		{"an AVIF", []byte("\x00\x00\x00\x20ftypavif\x00\x00\x00\x00"), "is an AVIF"},
		{"a HEIC", []byte("\x00\x00\x00\x20ftypheic\x00\x00\x00\x00"), "is a HEIC"},
		{"a TIFF", []byte("II*\x00\x08\x00\x00\x00\x00\x00\x00\x00"), "is a TIFF"},
		{"a BMP", append([]byte("BM"), make([]byte, 60)...), "must be a JPEG, PNG, GIF or WebP"},
		{"the head of a JPEG, then HTML", []byte("\xff\xd8\xff\xe0\x00\x04ab<html>"), "is cut off"},
		{"a JPEG without a frame", []byte("\xff\xd8\xff\xda\x00\x02\xff\xd9"), "it has no frame header"},
		{"a JPEG of two frames", withSegment(small, 0xc0, small[sof+4:sof+19]), "it has two frame headers"},
		{"a lossless JPEG", lossy, "compressed in a way that browsers do not decode"},
		{"a PNG in the wrong order", append([]byte("\x89PNG\r\n\x1a\n"), chunk("IEND", nil)...), "wrong order"},
		{"a PNG of two headers", withChunk(drawing, "IHDR", drawing[16:29]), "wrong order"},
	} {
		_, err := check(c.give)
		var field *motacilla.FieldError
		if !errors.As(err, &field) || field.Field != "image" || !strings.Contains(field.Problem, c.want) {
			t.Errorf("%s: error is %v\nwant %s", c.name, err, c.want)
		}
	}
}

// TestTruncated: a file that lacks its end is refused, wherever it was cut.
func TestTruncated(t *testing.T) {
	for name, whole := range map[string][]byte{
		"JPEG": jpegOf(t, corners(40, 30)), "PNG": pngOf(t, corners(40, 30)), "GIF": gifOf(t, 40, 30, 2), "WebP": webpSample(t),
	} {
		if _, err := convert(t, whole); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for n := range len(whole) {
			if _, err := convert(t, whole[:n]); !errors.Is(err, motacilla.ErrInvalid) {
				t.Errorf("%s, %d of %d bytes: %v", name, n, len(whole), err)
			}
		}
	}
}

// webpSample is a lossless WebP of one red pixel.
func webpSample(t testing.TB) []byte {
	t.Helper()
	const pixel = "\x2f\x00\x00\x00\x00\x07\xd0\xff\xfe\xf7\xbf\xff\x81\x88\xe8\x7f\x00\x00"
	return riff(riffChunk("VP8L", pixel[:len(pixel)-1]))
}

// TestOrientations: each of the eight orientations, by the colours of the corners.
func TestOrientations(t *testing.T) {
	const red, green, blue, white = 0, 1, 2, 3
	for o, want := range map[int][4]int{ // above left, above right, below left, below right
		1: {red, green, blue, white}, 2: {green, red, white, blue}, 3: {white, blue, green, red}, 4: {blue, white, red, green},
		5: {red, blue, green, white}, 6: {blue, red, white, green}, 7: {white, green, blue, red}, 8: {green, white, red, blue},
	} {
		for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
			block := exif(order, o)
			for name, give := range map[string][]byte{
				"JPEG": withSegment(jpegOf(t, corners(200, 100)), 0xe1, append([]byte("Exif\x00\x00"), block...)),
				"PNG":  withChunk(pngOf(t, corners(200, 100)), "eXIf", block),
			} {
				set, err := convert(t, give)
				if err != nil {
					t.Fatalf("%s, orientation %d: %v", name, o, err)
				}
				w, h := 160, 80
				if o >= 5 {
					w, h = 100, 200
				}
				if set.Width != w || set.Height != h {
					t.Errorf("%s, orientation %d: %d x %d, want %d x %d", name, o, set.Width, set.Height, w, h)
				}
				for _, s := range set.Sizes {
					m, _, err := image.Decode(s.File)
					if err != nil {
						t.Fatal(err)
					}
					for i, quarter := range want {
						x, y := s.Width/4+i%2*s.Width/2, s.Height/4+i/2*s.Height/2
						if got := m.At(x, y); !near(got, quarters[quarter]) {
							t.Errorf("%s, orientation %d, %d wide: corner %d is %v, want %v", name, o, s.Width, i, got, quarters[quarter])
						}
					}
				}
			}
		}
	}
}

func near(c color.Color, want color.NRGBA) bool {
	r, g, b, a := c.RGBA()
	far := func(x uint32, y uint8) bool { d := int(x>>8) - int(y); return d > 12 || d < -12 }
	return !far(r, want.R) && !far(g, want.G) && !far(b, want.B) && !far(a, want.A)
}

// TestNoMetadata: nothing of EXIF, of comments or of what is behind the image is in what readers get.
func TestNoMetadata(t *testing.T) {
	block := exif(binary.LittleEndian, 6)
	photo, drawing := jpegOf(t, corners(200, 100)), pngOf(t, corners(200, 100))
	photo = withSegment(photo, 0xfe, []byte("Secret comment"))
	photo = withSegment(photo, 0xe2, append([]byte("ICC_PROFILE\x00\x01\x01"), "Secret profile"...))
	photo = withSegment(photo, 0xed, []byte("Photoshop 3.0\x00Secret author"))
	photo = withSegment(photo, 0xe1, []byte("http://ns.adobe.com/xap/1.0/\x00<x>Secret XMP</x>"))
	photo = withSegment(photo, 0xe1, append([]byte("Exif\x00\x00"), block...))
	drawing = withChunk(withChunk(drawing, "tEXt", []byte("Author\x00Secret")), "eXIf", block)
	drawing = withChunk(drawing, "iTXt", []byte("XML:com.adobe.xmp\x00\x00\x00\x00\x00Secret"))
	for name, give := range map[string][]byte{"JPEG": photo, "PNG": drawing} {
		set, err := convert(t, append(give, "PK\x03\x04Secret archive<script>alert(1)</script>"...))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, s := range set.Sizes {
			b, err := io.ReadAll(s.File)
			if err != nil || int64(len(b)) != s.Bytes {
				t.Fatal(len(b), err)
			}
			for _, word := range []string{"Secret", "Exif", "script", "PK\x03\x04"} {
				if bytes.Contains(b, []byte(word)) {
					t.Errorf("%s, %d wide: it has %q", name, s.Width, word)
				}
			}
			if parts := partsOf(t, b); parts != "SOF0 " && parts != "IHDR IDAT IEND " {
				t.Errorf("%s, %d wide: its parts are %s", name, s.Width, parts)
			}
		}
	}
}

// partsOf returns the segments of a JPEG, without its tables, or the chunks of a PNG. There must be nothing behind the end.
func partsOf(t *testing.T, b []byte) string {
	t.Helper()
	parts := ""
	if b[0] == 0x89 {
		for rest := b[8:]; len(rest) > 0; {
			n := binary.BigEndian.Uint32(rest)
			if kind := string(rest[4:8]); !strings.HasSuffix(parts, kind+" ") {
				parts += kind + " "
			}
			rest = rest[12+n:]
		}
		return parts
	}
	for rest := b[2:]; ; {
		switch marker := rest[1]; marker {
		case 0xdb, 0xc4:
		case 0xc0:
			parts += "SOF0 "
		case 0xda:
			if !bytes.HasSuffix(b, []byte{0xff, 0xd9}) || bytes.Count(rest, []byte{0xff, 0xd9}) != 1 {
				parts += "trailer "
			}
			return parts
		default:
			parts += fmt.Sprintf("%x ", marker)
		}
		rest = rest[2+binary.BigEndian.Uint16(rest[2:]):]
	}
}

// TestHugeExif: many blocks of metadata are passed over, and what an EXIF block points at need not be there.
func TestHugeExif(t *testing.T) {
	photo := withSegment(jpegOf(t, corners(40, 30)), 0xe1, append([]byte("Exif\x00\x00"), make([]byte, 65000)...))
	segment := photo[2 : 2+4+6+65000]
	photo = slices.Concat(photo[:2], bytes.Repeat(segment, 299), photo[2:])
	if _, err := convert(t, photo); err != nil {
		t.Errorf("19.5 MB of EXIF: %v", err)
	}
	if _, err := convert(t, withChunk(pngOf(t, corners(40, 30)), "eXIf", make([]byte, 10<<20))); err != nil {
		t.Errorf("10 MB of EXIF: %v", err)
	}
}

// TestFirstFrame: a frame that covers a part is shown where it belongs.
func TestFirstFrame(t *testing.T) {
	frame := image.NewPaletted(image.Rect(25, 12, 50, 25), color.Palette{color.NRGBA{255, 0, 0, 255}})
	var buf bytes.Buffer
	err := gif.EncodeAll(&buf, &gif.GIF{
		Image: []*image.Paletted{frame}, Delay: []int{0}, Config: image.Config{Width: 75, Height: 50},
	})
	if err != nil {
		t.Fatal(err)
	}
	set, err := convert(t, buf.Bytes())
	if err != nil || set.Width != 75 || set.Height != 50 || set.Color != "" {
		t.Fatalf("%+v, %v", set, err)
	}
	m, _, err := image.Decode(set.Sizes[0].File)
	if err != nil || !near(m.At(37, 18), quarters[0]) || !near(m.At(3, 3), color.NRGBA{}) {
		t.Errorf("%v", err)
	}
}

// TestShrink: a fine pattern becomes grey, and not one of its colours: nothing is left out.
func TestShrink(t *testing.T) {
	m := image.NewNRGBA(image.Rect(0, 0, 2000, 1000))
	for i := 0; i < len(m.Pix); i += 4 {
		x, y := i/4%2000, i/4/2000
		v := byte(255 * ((x + y) % 2))
		m.Pix[i], m.Pix[i+1], m.Pix[i+2], m.Pix[i+3] = v, v, v, 255
	}
	got := shrink(m, 320, 160)
	for i := 0; i < len(got.Pix); i += 4 {
		if v := got.Pix[i]; v < 118 || v > 138 || got.Pix[i+3] != 255 {
			t.Fatalf("pixel %d is %d", i/4, v)
		}
	}
}

func TestWebP(t *testing.T) {
	set, err := convert(t, webpSample(t))
	if err != nil || set.Width != 1 || set.Height != 1 {
		t.Fatalf("%+v, %v", set, err)
	}
}

func FuzzOrientation(f *testing.F) {
	f.Add(exif(binary.LittleEndian, 6))
	f.Add(exif(binary.BigEndian, 9))
	f.Add([]byte("MM\x00*\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if o := orientation(b); o < 1 || o > 8 {
			t.Fatal(o)
		}
	})
}

// FuzzConvert: whatever the bytes are, there is an ErrInvalid or an image within the limits.
func FuzzConvert(f *testing.F) {
	f.Add(jpegOf(f, corners(20, 10)))
	f.Add(withSegment(jpegOf(f, corners(20, 10)), 0xe1, append([]byte("Exif\x00\x00"), exif(binary.BigEndian, 8)...)))
	f.Add(pngOf(f, corners(20, 10)))
	f.Add(withChunk(pngOf(f, corners(20, 10)), "eXIf", exif(binary.BigEndian, 8)))
	f.Add(gifOf(f, 10, 10, 3))
	f.Add(webpSample(f))
	f.Add([]byte("<svg>"))
	small := Limits{Pixels: 1 << 16, Frames: 5}
	f.Fuzz(func(t *testing.T, b []byte) {
		info, err := Check(bytes.NewReader(b), int64(len(b)), small)
		if err != nil {
			if !errors.Is(err, motacilla.ErrInvalid) {
				t.Fatal(err)
			}
			return
		}
		if info.Width*info.Height > 1<<16 || info.Orientation < 1 || info.Orientation > 8 || info.Frames > 5 || info.Memory < 1 {
			t.Fatalf("%+v", info)
		}
		set, err := Convert(t.Context(), bytes.NewReader(b), info, widths, "")
		if err != nil {
			if !errors.Is(err, motacilla.ErrInvalid) {
				t.Fatal(err)
			}
			return
		}
		defer set.Close()
		w, h := info.Upright()
		kept := Widths(w, widths)
		if len(set.Sizes) != len(kept) || set.Width > w || set.Height > h+1 {
			t.Fatalf("%+v of %+v", set, info)
		}
	})
}
