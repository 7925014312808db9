package picture

import (
	"encoding/binary"
	"errors"
)

// gif reads the blocks of a GIF (GIF89a) to their end, and counts its frames.
func (s *scanner) gif(info *Info) error {
	head, err := s.next(13)
	if err != nil {
		return err
	}
	info.Lossless = true
	width, height := int(binary.LittleEndian.Uint16(head[6:])), int(binary.LittleEndian.Uint16(head[8:]))
	if err := s.dimensions(info, width, height); err != nil {
		return err
	}
	info.Memory = int64(width) * int64(height) * 5 // the frame, and the canvas that it is drawn on
	if err := s.table(head[10]); err != nil {
		return err
	}
	for frames := int64(0); ; {
		kind, err := s.r.ReadByte()
		if err != nil {
			return err
		}
		switch kind {
		case 0x21:
			err = s.skip(1)
		case 0x2c:
			frames++
			if err = s.frames(info, frames); err == nil {
				err = s.frame()
			}
		case 0x3b:
			if frames == 0 {
				return errors.New("it has no frame")
			}
			return nil
		case 0: // some programs leave an empty block
			continue
		default:
			return errors.New("it has an unknown block")
		}
		if err == nil {
			err = s.blocks()
		}
		if err != nil {
			return err
		}
	}
}

// frame passes over the header of a frame.
func (s *scanner) frame() error {
	head, err := s.next(9)
	if err != nil {
		return err
	}
	if err := s.table(head[8]); err != nil {
		return err
	}
	return s.skip(1)
}

// table passes over a table of colours.
func (s *scanner) table(flags byte) error {
	if flags&0x80 == 0 {
		return nil
	}
	return s.skip(3 << (flags&7 + 1))
}

// blocks passes over blocks of data, up to the empty one.
func (s *scanner) blocks() error {
	for {
		n, err := s.r.ReadByte()
		if err != nil || n == 0 {
			return err
		}
		if err := s.skip(int64(n)); err != nil {
			return err
		}
	}
}
