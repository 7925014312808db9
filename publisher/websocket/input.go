package websocket

import (
	"encoding/binary"
	"fmt"
	"time"
	"unicode/utf8"

	gorilla "github.com/gorilla/websocket"
)

const (
	mostMessage  = 4 << 10  // bytes of a reader's message, which is ignored
	mostRequest  = 64 << 10 // bytes of a reader's message, if it can ask for channels
	mostControls = 100      // control frames, compressed messages, and messages that can ask for channels, of a reader in a second
	mostControl  = 125      // bytes of a control frame (RFC 6455, section 5.5)

	continuation = 0 // the opcode, which gorilla does not export
)

// Reasons of close frames.
const (
	notUTF8       = "text must be UTF-8"
	reasonNotUTF8 = "the reason must be UTF-8"
	halfCode      = "a close code has two bytes"
	outOfRange    = "length out of range"
	tooManyFrames = "too many control frames"
	tooManyTexts  = "too many messages"
)

// incoming reads the frames that one reader sends, in pieces of any size (RFC 6455, section 5). Messages are validated and
// dropped, unless there is a collector. The payload of a control frame is kept.
type incoming struct {
	header  [14]byte
	have    uint8 // bytes of header
	opcode  uint8 // of the frame, once its header is complete
	open    uint8 // opcode of the message that is not complete; 0 if there is none
	final   bool  // the frame is the last one of its message
	deflate bool  // messages may be compressed
	phase   uint8 // of the mask
	mask    [4]byte
	left    int     // bytes of payload still to come
	size    int     // of the message so far
	rune    []byte  // of a text message: a character that is not complete, at most 3 bytes
	control []byte  // payload of the control frame
	packed  *[]byte // of a message that is compressed: what has come of it

	second   uint32 // in which controls were counted
	controls uint32

	collector *collector // nil drops messages
}

// collector keeps messages.
type collector struct {
	part  []byte   // of a message that is not complete
	whole [][]byte // those that are; nil for one that is not text
}

// most returns how many bytes a message may have.
func (f *incoming) most() int {
	if f.collector != nil {
		return mostRequest
	}
	return mostMessage
}

func tooBig(most int) string {
	return fmt.Sprintf("messages of readers must have at most %d KiB", most>>10)
}

// input implements publisher.Wire.Input.
func input(state any, in []byte) (answer []byte, end bool) {
	return state.(*incoming).take(in, time.Now())
}

// take reads in and returns the answer: pongs, or a close frame, after which end is true.
func (f *incoming) take(in []byte, now time.Time) (answer []byte, end bool) {
	for {
		if need := f.headerLen(); int(f.have) < need {
			n := copy(f.header[f.have:need], in)
			f.have += uint8(n)
			in = in[n:]
			if int(f.have) < need {
				return answer, false
			}
			if f.headerLen() > need {
				continue
			}
			if code, reason := f.begin(now); code != 0 {
				return append(answer, closing(code, reason)...), true
			}
		}
		n := min(f.left, len(in))
		payload := in[:n]
		in = in[n:]
		f.left -= n
		f.unmask(payload)
		if code, reason := f.payload(payload); code != 0 {
			return append(answer, closing(code, reason)...), true
		}
		if f.left > 0 {
			return answer, false
		}
		reply, closes := f.finish()
		answer = append(answer, reply...)
		if closes {
			return answer, true
		}
		f.have = 0
		if len(in) == 0 {
			return answer, false
		}
	}
}

// headerLen returns the length of the header, as far as it is known.
func (f *incoming) headerLen() int {
	if f.have < 2 {
		return 2
	}
	n := 2
	if f.header[1]&0x80 != 0 {
		n += 4
	}
	switch f.header[1] & 0x7f {
	case 126:
		n += 2
	case 127:
		n += 8
	}
	return n
}

// begin reads a complete header. code is not 0 if the header breaks a rule.
func (f *incoming) begin(now time.Time) (code int, reason string) {
	f.final, f.opcode = f.header[0]&0x80 != 0, f.header[0]&0x0f
	isControl := f.opcode&0x08 != 0
	var length uint64
	rest := f.header[2:f.headerLen()]
	switch short := f.header[1] & 0x7f; short {
	case 126:
		length, rest = uint64(binary.BigEndian.Uint16(rest)), rest[2:]
	case 127:
		length, rest = binary.BigEndian.Uint64(rest), rest[8:]
	default:
		length = uint64(short)
	}
	before := 0
	if f.opcode == continuation {
		before = f.size
	}
	switch {
	case f.header[0]&0x70 != 0 && !f.mayPack():
		return gorilla.CloseProtocolError, "reserved bits are set"
	case f.header[1]&0x80 == 0:
		return gorilla.CloseProtocolError, "frames of a client must be masked"
	case isControl && f.opcode > gorilla.PongMessage, !isControl && f.opcode > gorilla.BinaryMessage:
		return gorilla.CloseProtocolError, "unknown opcode"
	case isControl && !f.final:
		return gorilla.CloseProtocolError, "a control frame must not be in fragments"
	case isControl && f.header[1]&0x7f > mostControl:
		return gorilla.CloseProtocolError, "a control frame must have at most 125 bytes"
	case f.opcode == continuation && f.open == 0:
		return gorilla.CloseProtocolError, "there is no message to continue"
	case !isControl && f.opcode != continuation && f.open != 0:
		return gorilla.CloseProtocolError, "the message before is not complete"
	case length >= 1<<63:
		return gorilla.CloseProtocolError, outOfRange
	case !isControl && (length > uint64(f.most()) || before+int(length) > f.most()):
		return gorilla.CloseMessageTooBig, tooBig(f.most())
	case isControl && f.opcode != gorilla.CloseMessage && f.tooMany(now):
		return gorilla.ClosePolicyViolation, tooManyFrames
	case !isControl && (f.collector != nil || f.header[0]&rsv1 != 0) && f.tooMany(now):
		return gorilla.ClosePolicyViolation, tooManyTexts
	}
	copy(f.mask[:], rest)
	f.phase, f.left = 0, int(length)
	switch {
	case isControl:
		f.control = f.control[:0]
	case f.opcode != continuation:
		f.open, f.size, f.rune, f.packed = f.opcode, 0, nil, nil
		if f.header[0]&rsv1 != 0 {
			f.packed = new([]byte)
		}
	}
	return 0, ""
}

func (f *incoming) tooMany(now time.Time) bool {
	if second := uint32(now.Unix()); second != f.second {
		f.second, f.controls = second, 0
	}
	f.controls++
	return f.controls > mostControls
}

func (f *incoming) unmask(b []byte) {
	for i := range b {
		b[i] ^= f.mask[f.phase&3]
		f.phase++
	}
}

// payload reads a piece of the frame's payload.
func (f *incoming) payload(b []byte) (code int, reason string) {
	if f.opcode&0x08 != 0 {
		f.control = append(f.control, b...)
		return 0, ""
	}
	f.size += len(b)
	if f.packed != nil {
		*f.packed = append(*f.packed, b...)
		return 0, ""
	}
	if f.open != gorilla.TextMessage {
		return 0, ""
	}
	text := append(f.rune, b...)
	for len(text) > 0 {
		c, n := utf8.DecodeRune(text)
		if c == utf8.RuneError && n == 1 {
			if !utf8.FullRune(text) {
				break // the rest of it may follow
			}
			return gorilla.CloseInvalidFramePayloadData, notUTF8
		}
		text = text[n:]
	}
	f.rune = append([]byte(nil), text...)
	if c := f.collector; c != nil {
		c.part = append(c.part, b...)
	}
	return 0, ""
}

// finish is called at the end of the frame.
func (f *incoming) finish() (answer []byte, closes bool) {
	switch f.opcode {
	case gorilla.PingMessage:
		answer = appendFrame(nil, gorilla.PongMessage, f.control)
	case gorilla.CloseMessage:
		return f.closed(), true
	case gorilla.PongMessage:
	default:
		if f.final {
			if code, reason := f.unpack(); code != 0 {
				return closing(code, reason), true
			}
			if f.open == gorilla.TextMessage && len(f.rune) > 0 {
				return closing(gorilla.CloseInvalidFramePayloadData, notUTF8), true
			}
			if c := f.collector; c != nil {
				c.whole, c.part = append(c.whole, c.part), nil
			}
			f.open, f.rune = 0, nil
		}
		return nil, false
	}
	f.control = nil
	return answer, false
}

// closed answers the reader's close frame (RFC 6455, section 5.5.1).
func (f *incoming) closed() []byte {
	if len(f.control) == 0 {
		return appendFrame(nil, gorilla.CloseMessage, nil)
	}
	if len(f.control) == 1 {
		return closing(gorilla.CloseProtocolError, halfCode)
	}
	code := int(binary.BigEndian.Uint16(f.control))
	switch {
	case !mayClose(code):
		return closing(gorilla.CloseProtocolError, "no such close code")
	case !utf8.Valid(f.control[2:]):
		return closing(gorilla.CloseInvalidFramePayloadData, reasonNotUTF8)
	}
	return closing(code, "")
}

// mayClose reports whether a close frame may have the code (RFC 6455, section 7.4, and IANA's registry).
func mayClose(code int) bool {
	switch {
	case code >= 3000 && code <= 4999:
		return true
	case code == 1004, code == gorilla.CloseNoStatusReceived, code == gorilla.CloseAbnormalClosure:
		return false
	}
	return code >= gorilla.CloseNormalClosure && code <= 1014
}
