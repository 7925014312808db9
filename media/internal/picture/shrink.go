package picture

import (
	"image"
	"image/draw"

	scale "golang.org/x/image/draw"
)

// shrink returns src with this width and height, which are not larger than its own. It first averages whole boxes of pixels, so
// that what is left is less than a halving, and then interpolates. It needs no memory but that of its results.
func shrink(src image.Image, width, height int) *image.RGBA {
	b := src.Bounds()
	if k := min(b.Dx()/width, b.Dy()/height); k > 1 {
		src = boxes(src, b.Dx()/k, b.Dy()/k)
		b = src.Bounds()
	}
	whole := image.Rect(0, 0, width, height)
	if made, ok := src.(*image.RGBA); ok && b == whole {
		return made
	}
	dst := image.NewRGBA(whole)
	if b.Size() == whole.Size() {
		draw.Draw(dst, whole, src, b.Min, draw.Src)
	} else {
		scale.ApproxBiLinear.Scale(dst, whole, src, b, scale.Src, nil)
	}
	return dst
}

// boxes returns src with this width and height. Each pixel is the average of a box of pixels.
func boxes(src image.Image, width, height int) *image.RGBA {
	b := src.Bounds()
	dst := image.NewRGBA(image.Rect(0, 0, width, height))
	strip := image.NewRGBA(image.Rect(0, 0, b.Dx(), b.Dy()/height+1))
	sums := make([]uint32, 4*b.Dx())
	for y := range height {
		top, bottom := y*b.Dy()/height, (y+1)*b.Dy()/height
		draw.Draw(strip, image.Rect(0, 0, b.Dx(), bottom-top), src, image.Pt(b.Min.X, b.Min.Y+top), draw.Src)
		clear(sums)
		for i := range bottom - top {
			row := strip.Pix[i*strip.Stride:]
			for x := range sums {
				sums[x] += uint32(row[x])
			}
		}
		average(dst.Pix[y*dst.Stride:], sums, width, bottom-top)
	}
	return dst
}

// average writes width pixels. sums has the sums of columns of rows pixels.
func average(dst []byte, sums []uint32, width, rows int) {
	columns := len(sums) / 4
	for x := range width {
		left, right := x*columns/width, (x+1)*columns/width
		var r, g, b, a uint64 // 32 bits are not enough for the largest boxes
		for i := 4 * left; i < 4*right; i += 4 {
			r, g, b, a = r+uint64(sums[i]), g+uint64(sums[i+1]), b+uint64(sums[i+2]), a+uint64(sums[i+3])
		}
		n := uint64((right - left) * rows)
		at := dst[4*x : 4*x+4]
		at[0], at[1], at[2], at[3] = byte((r+n/2)/n), byte((g+n/2)/n), byte((b+n/2)/n), byte((a+n/2)/n)
	}
}

// upright turns src as its orientation demands (Exif 2.32, tag 0x0112).
func upright(src *image.RGBA, orientation int) *image.RGBA {
	if orientation < 2 {
		return src
	}
	w, h := src.Rect.Dx(), src.Rect.Dy()
	swapped := orientation >= 5
	dst := image.NewRGBA(image.Rect(0, 0, w, h))
	if swapped {
		dst = image.NewRGBA(image.Rect(0, 0, h, w))
	}
	for y := range h {
		for x := range w {
			to := image.Pt(x, y)
			switch orientation {
			case 2:
				to.X = w - 1 - x
			case 3:
				to = image.Pt(w-1-x, h-1-y)
			case 4:
				to.Y = h - 1 - y
			case 5:
				to = image.Pt(y, x)
			case 6:
				to = image.Pt(h-1-y, x)
			case 7:
				to = image.Pt(h-1-y, w-1-x)
			case 8:
				to = image.Pt(y, w-1-x)
			}
			copy(dst.Pix[dst.PixOffset(to.X, to.Y):][:4], src.Pix[src.PixOffset(x, y):][:4])
		}
	}
	return dst
}
