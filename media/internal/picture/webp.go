package picture

import (
	"encoding/binary"
	"errors"
)

// webp reads the chunks of a WebP (RFC 9649).
func (s *scanner) webp(info *Info) error {
	head, err := s.next(12)
	if err != nil {
		return err
	}
	left := int64(binary.LittleEndian.Uint32(head[4:])) - 4
	if left+12 > s.size {
		return errTruncated
	}
	alpha := false
	for left >= 8 {
		head, err := s.next(8)
		if err != nil {
			return err
		}
		kind, length := string(head[:4]), int64(binary.LittleEndian.Uint32(head[4:]))
		padded := length + length&1
		if left -= 8; length > left {
			return errTruncated
		}
		left -= padded
		want := map[string]int64{"VP8X": 10, "VP8 ": 10, "VP8L": 5}[kind]
		if kind == "EXIF" && length <= maxExif {
			want = length
		}
		if length < want {
			return errors.New("a chunk is too short")
		}
		data, err := s.next(int(want))
		if err == nil {
			err = s.chunk(info, kind, data, &alpha)
		}
		if err == nil && left >= 8 {
			err = s.skip(padded - want)
		}
		if err != nil {
			return err
		}
	}
	if info.Memory == 0 {
		return errors.New("it has no picture")
	}
	return nil
}

func (s *scanner) chunk(info *Info, kind string, data []byte, alpha *bool) error {
	switch kind {
	case "VP8X":
		const animated, translucent = 1 << 1, 1 << 4
		if data[0]&animated != 0 {
			return wrong("is an animated WebP, which this server can't decode: send a GIF, or one frame")
		}
		*alpha = data[0]&translucent != 0
		return s.dimensions(info, little24(data[4:])+1, little24(data[7:])+1)
	case "VP8 ":
		w, h := binary.LittleEndian.Uint16(data[6:])&0x3fff, binary.LittleEndian.Uint16(data[8:])&0x3fff
		bytes := int64(2)
		if *alpha {
			bytes += 10 // the decoder makes a whole picture of the alpha channel, and then a second channel of that
		}
		return s.picture(info, int(w), int(h), bytes)
	case "VP8L":
		bits := binary.LittleEndian.Uint32(data[1:])
		info.Lossless = true
		return s.picture(info, int(bits&0x3fff)+1, int(bits>>14&0x3fff)+1, 8)
	case "EXIF":
		info.Orientation = orientation(data)
	}
	return nil
}

// picture takes the size of the picture itself. It must be that of the file.
func (s *scanner) picture(info *Info, width, height int, bytes int64) error {
	switch {
	case info.Memory > 0:
		return errors.New("it has two pictures")
	case info.Width > 0 && (info.Width != width || info.Height != height):
		return errors.New("it has two sizes")
	}
	info.Memory = int64(width+15) * int64(height+15) * bytes
	return s.dimensions(info, width, height)
}

func little24(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }
