package picture

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
)

// jpeg reads the markers of a JPEG (ISO 10918-1, annex B) up to the first scan, and looks for the end of the image.
func (s *scanner) jpeg(info *Info) error {
	if err := s.skip(2); err != nil {
		return err
	}
	j := jpegHeader{}
	for {
		marker, err := s.marker()
		if err != nil {
			return err
		}
		if marker == 0xd9 {
			return errTruncated // the end comes before any picture
		}
		head, err := s.next(2)
		if err != nil {
			return err
		}
		length := int(binary.BigEndian.Uint16(head)) - 2
		if length < 0 {
			return errors.New("a segment has no length")
		}
		switch {
		case marker == 0xda:
			if !j.seen {
				return errors.New("it has no frame header")
			}
			info.Memory = j.memory(info)
			return s.jpegEnd()
		case marker == 0xe1 || marker == 0xee || isFrame(marker):
			segment, err := s.next(length)
			if err != nil {
				return err
			}
			if err := j.segment(s, info, marker, segment); err != nil {
				return err
			}
		default:
			if err := s.skip(int64(length)); err != nil {
				return err
			}
		}
	}
}

// marker returns the next marker that has a segment, or that of the end.
func (s *scanner) marker() (byte, error) {
	for {
		b, err := s.r.ReadByte()
		if err != nil {
			return 0, err
		}
		if b != 0xff {
			continue // decoders pass over bytes between segments
		}
		for b == 0xff {
			if b, err = s.r.ReadByte(); err != nil {
				return 0, err
			}
		}
		if b == 0 || b == 1 || b >= 0xd0 && b <= 0xd8 {
			continue
		}
		return b, nil
	}
}

// isFrame reports whether a marker begins a frame.
func isFrame(marker byte) bool {
	return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc
}

// jpegHeader is what a JPEG says of its memory.
type jpegHeader struct {
	seen, exif  bool
	progressive bool
	converted   bool    // the decoder makes a second picture of other colours
	samples     float64 // of all components, for each pixel
}

func (j *jpegHeader) segment(s *scanner, info *Info, marker byte, data []byte) error {
	switch {
	case marker == 0xe1:
		if tiff, ok := bytes.CutPrefix(data, []byte("Exif\x00\x00")); ok && !j.exif {
			j.exif = true
			info.Orientation = orientation(tiff)
		}
		return nil
	case marker == 0xee:
		if bytes.HasPrefix(data, []byte("Adobe")) && len(data) >= 12 && data[11] == 0 {
			j.converted = true
		}
		return nil
	case marker > 0xc2:
		return errors.New("it is compressed in a way that browsers do not decode")
	case j.seen:
		return errors.New("it has two frame headers")
	case len(data) < 6 || len(data) < 6+3*int(data[5]):
		return errors.New("its frame header is too short")
	}
	j.seen, j.progressive = true, marker == 0xc2
	components := data[6 : 6+3*int(data[5])]
	most, sum := 1, 0
	for i := 1; i < len(components); i += 3 {
		area := int(components[i]>>4) * int(components[i]&15)
		most, sum = max(most, area), sum+area
	}
	j.samples = float64(sum) / float64(most)
	rgb := len(components) == 9 && components[0] == 'R' && components[3] == 'G' && components[6] == 'B'
	j.converted = j.converted || rgb || len(components) > 9
	return s.dimensions(info, int(binary.BigEndian.Uint16(data[3:])), int(binary.BigEndian.Uint16(data[1:])))
}

// memory returns what image/jpeg needs: a byte for each sample, and four more for the coefficients if it is progressive.
func (j *jpegHeader) memory(info *Info) int64 {
	padded := float64(info.Width+31) * float64(info.Height+31)
	bytes := j.samples
	if j.progressive {
		bytes *= 5
	}
	if j.converted {
		bytes += 4
	}
	return int64(padded * bytes)
}

// jpegEnd looks for the end of the image. What comes after it is of no interest: it is not decoded.
func (s *scanner) jpegEnd() error {
	for {
		if _, err := s.r.ReadSlice(0xff); err != nil {
			switch {
			case errors.Is(err, io.EOF):
				return errTruncated
			case errors.Is(err, bufio.ErrBufferFull):
				continue
			}
			return err
		}
		b, err := s.r.ReadByte()
		if err != nil {
			return err
		}
		if b == 0xd9 {
			return nil
		}
		if b == 0xff {
			_ = s.r.UnreadByte()
		}
	}
}
