//go:build linux

package load

import (
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"
)

const (
	gzipHeader  = 10
	gzipTrailer = 8
	mostBlocks  = 10_000 // different pieces that are kept decompressed
)

// flushed is how a piece of a deflate stream ends that can be read at once (RFC 1951, section 3.2.4: an empty stored block).
var flushed = []byte{0, 0, 0xff, 0xff}

// unzip decompresses data, which must not refer to what was sent before. It returns nil if data ends within a block. Readers
// get the same bytes, so that each piece is decompressed once for all of them.
func (c *Client) unzip(data []byte) ([]byte, error) {
	if plain, known := c.unzipped[string(data)]; known {
		return plain, nil
	}
	plain, err := inflate(data)
	if err != nil || plain == nil {
		return nil, err
	}
	if c.unzipped == nil || len(c.unzipped) >= mostBlocks {
		c.unzipped = make(map[string][]byte)
	}
	c.unzipped[string(data)] = plain
	return plain, nil
}

func inflate(data []byte) ([]byte, error) {
	plain := []byte{}
	for len(data) > 0 {
		if bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
			if len(data) < gzipHeader {
				return nil, nil
			}
			if data[2] != 8 || data[3] != 0 {
				return nil, fmt.Errorf("a gzip header %x", data[:gzipHeader])
			}
			data = data[gzipHeader:]
		}
		left := bytes.NewReader(data)
		part, err := io.ReadAll(flate.NewReader(left))
		switch {
		case err == nil && left.Len() >= gzipTrailer:
			data = data[len(data)-left.Len()+gzipTrailer:]
		case err == nil:
			return nil, nil
		case !errors.Is(err, io.ErrUnexpectedEOF):
			return nil, fmt.Errorf("compressed data: %w", err)
		case len(data) > 0 && !bytes.HasSuffix(data, flushed):
			return nil, nil
		default:
			data = nil
		}
		plain = append(plain, part...)
	}
	return plain, nil
}
