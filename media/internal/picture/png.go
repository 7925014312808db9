package picture

import (
	"encoding/binary"
	"errors"
)

// maxExif is the longest EXIF block that is looked into, in bytes. A JPEG has none that is longer.
const maxExif = 64 << 10

// png reads the chunks of a PNG (W3C PNG, third edition) to their end.
func (s *scanner) png(info *Info) error {
	if err := s.skip(8); err != nil {
		return err
	}
	info.Lossless = true
	first := true
	for {
		head, err := s.next(8)
		if err != nil {
			return err
		}
		length, kind := int64(binary.BigEndian.Uint32(head)), string(head[4:])
		if first != (kind == "IHDR") {
			return errors.New("its chunks are in the wrong order")
		}
		var data []byte
		if kind == "IHDR" && length != 13 || kind == "acTL" && length != 8 {
			return errors.New("a chunk has the wrong length")
		}
		if kind == "IHDR" || kind == "acTL" || kind == "eXIf" && length <= maxExif {
			data, err = s.next(int(length))
			length = 0
		}
		if err == nil {
			err = s.skip(length + 4) // with the checksum
		}
		if err != nil {
			return err
		}
		switch kind {
		case "IHDR":
			err = s.dimensions(info, side(data), side(data[4:]))
			info.Memory = int64(info.Width) * int64(info.Height) * pngBytes(data)
		case "acTL":
			err = s.frames(info, int64(binary.BigEndian.Uint32(data)))
		case "eXIf":
			info.Orientation = orientation(data)
		case "IEND":
			return nil
		}
		if err != nil {
			return err
		}
		first = false
	}
}

// side returns a width or height. What is too large for an int of 32 bits is too large anyway.
func side(b []byte) int { return int(min(binary.BigEndian.Uint32(b), 1<<31-1)) }

// pngBytes returns how many bytes image/png needs for a pixel.
func pngBytes(header []byte) int64 {
	depth, colour, interlaced := header[8], header[9], header[12] != 0
	bytes := int64(4)
	if colour == 0 || colour == 3 {
		bytes = 1
	}
	if depth == 16 {
		bytes *= 2
	}
	if interlaced {
		bytes *= 2
	}
	return bytes
}
