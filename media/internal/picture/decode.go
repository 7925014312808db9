package picture

import (
	"fmt"
	"image"
	"image/draw"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/webp"
)

func decodeConfig(f Format, r io.Reader) (c image.Config, err error) {
	defer caught(&err)
	switch f {
	case JPEG:
		return jpeg.DecodeConfig(r)
	case PNG:
		return png.DecodeConfig(r)
	case GIF:
		return gif.DecodeConfig(r)
	default:
		return webp.DecodeConfig(r)
	}
}

// decode decodes an image, of an animation its first frame.
func decode(info Info, r io.Reader) (src image.Image, err error) {
	defer caught(&err)
	switch info.Format {
	case JPEG:
		src, err = jpeg.Decode(r)
	case PNG:
		src, err = png.Decode(r)
	case GIF:
		src, err = gif.Decode(r)
	default:
		src, err = webp.Decode(r)
	}
	if err != nil {
		return nil, broken(info.Format, err)
	}
	whole := image.Rect(0, 0, info.Width, info.Height)
	if info.Format == GIF && src.Bounds() != whole { // the first frame covers a part
		canvas := image.NewRGBA(whole)
		draw.Draw(canvas, src.Bounds(), src, src.Bounds().Min, draw.Src)
		src = canvas
	}
	if src.Bounds() != whole {
		return nil, wrong("is a broken %s: it has two sizes", info.Format)
	}
	return src, nil
}

// caught turns a panic of a decoder into an error. The decoders should not panic whatever they read, but some have.
func caught(err *error) {
	if p := recover(); p != nil {
		*err = wrong("can't be decoded: %s", fmt.Sprint(p))
	}
}
