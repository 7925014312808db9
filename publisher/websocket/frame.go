package websocket

import (
	"encoding/binary"

	gorilla "github.com/gorilla/websocket"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
)

// message is the format of an update: a frame with a text message.
var message = &publisher.Format{Name: name, Append: appendMessage}

// heartbeat is the format of a heartbeat: a ping and a message. The ping keeps the network open. The message is for scripts,
// which see no pings.
var heartbeat = &publisher.Format{Name: name + " heartbeat", Append: func(dst []byte, u *motacilla.Update) []byte {
	return appendMessage(appendFrame(dst, gorilla.PingMessage, nil), u)
}}

const longestHeader = 10 // without a mask; servers never mask

func appendMessage(dst []byte, u *motacilla.Update) []byte {
	start := len(dst)
	dst = append(dst, make([]byte, longestHeader)...)
	dst = u.AppendJSON(dst)
	body := dst[start+longestHeader:]
	head := appendHeader(dst[:start], gorilla.TextMessage, len(body))
	dst = dst[:len(head)+len(body)]
	copy(dst[len(head):], body)
	return dst
}

// appendHeader appends the header of a final frame (RFC 6455, section 5.2).
func appendHeader(dst []byte, opcode, n int) []byte {
	dst = append(dst, 0x80|byte(opcode))
	switch {
	case n < 126:
		return append(dst, byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(dst, 126), uint16(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, 127), uint64(n))
}

// appendFrame appends a whole frame.
func appendFrame(dst []byte, opcode int, payload []byte) []byte {
	return append(appendHeader(dst, opcode, len(payload)), payload...)
}

// closing returns a close frame.
func closing(code int, reason string) []byte {
	return appendFrame(nil, gorilla.CloseMessage, gorilla.FormatCloseMessage(code, reason))
}

// closeMessage returns the close frame of a stream that ends.
func closeMessage(why publisher.End) []byte {
	code, reason := closeCode(why)
	return closing(code, reason)
}

func closeCode(why publisher.End) (code int, reason string) {
	switch why {
	case publisher.EndGone:
		return codeGone, "the channel has been deleted"
	case publisher.EndForbidden:
		return gorilla.ClosePolicyViolation, "no longer allowed to read"
	}
	return gorilla.CloseGoingAway, "come back"
}
