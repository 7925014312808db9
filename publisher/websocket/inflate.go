package websocket

import (
	"bytes"
	"compress/flate"
	"io"
	"strings"
	"sync"
	"unicode/utf8"

	gorilla "github.com/gorilla/websocket"
	"github.com/motacilla-live/motacilla/internal/compress"
)

// rsv1 is the bit of a frame's first byte that says that its message is compressed (RFC 7692, section 6).
const rsv1 = 0x40

const malformed = "the compressed data is malformed"

// mayPack reports whether the frame, whose reserved bits are set, may be the first of a compressed message.
func (f *incoming) mayPack() bool {
	return f.deflate && f.header[0]&0x70 == rsv1 && (f.opcode == gorilla.TextMessage || f.opcode == gorilla.BinaryMessage)
}

// unpack is called at the end of a message. If it is compressed, it is decompressed and validated.
func (f *incoming) unpack() (code int, reason string) {
	if f.packed == nil {
		return 0, ""
	}
	message, code, reason := inflate(*f.packed, f.most())
	f.packed = nil
	switch {
	case code != 0 || f.open != gorilla.TextMessage:
	case !utf8.Valid(message):
		return gorilla.CloseInvalidFramePayloadData, notUTF8
	case f.collector != nil:
		f.collector.part = message
	}
	return code, reason
}

// inflate returns a message whose payload was compressed (RFC 7692, section 7.2.2). code is not 0 if the payload is malformed or
// the message has more than most bytes. It never takes more memory than that.
func inflate(payload []byte, most int) (message []byte, code int, reason string) {
	const end = compress.Flush + "\x01\x00\x00\xff\xff" // the second block is the last one of the data
	r := inflaters.Get().(io.ReadCloser)
	defer inflaters.Put(r)
	_ = r.(flate.Resetter).Reset(io.MultiReader(bytes.NewReader(payload), strings.NewReader(end)), nil) // does not fail
	message, err := io.ReadAll(io.LimitReader(r, int64(most)+1))
	switch {
	case err != nil:
		return nil, gorilla.CloseInvalidFramePayloadData, malformed
	case len(message) > most:
		return nil, gorilla.CloseMessageTooBig, tooBig(most)
	}
	return message, 0, ""
}

var inflaters = sync.Pool{New: func() any { return flate.NewReader(nil) }}
