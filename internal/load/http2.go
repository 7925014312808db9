//go:build linux

package load

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// mostWindow is the greatest window of HTTP/2. Readers never have to announce more.
const mostWindow = 1<<31 - 1

// preface returns what a connection of HTTP/2 sends first: the settings, and the requests of the readers that share it.
func (c *Client) preface(first, share int) ([]byte, error) {
	var out, block bytes.Buffer
	out.WriteString(http2.ClientPreface)
	f := http2.NewFramer(&out, nil)
	err := errors.Join(f.WriteSettings(
		http2.Setting{ID: http2.SettingHeaderTableSize, Val: 0}, // so that no state is kept to decode heads
		http2.Setting{ID: http2.SettingEnablePush, Val: 0},
		http2.Setting{ID: http2.SettingInitialWindowSize, Val: mostWindow},
	), f.WriteWindowUpdate(0, mostWindow-65535))
	encoder := hpack.NewEncoder(&block)
	for k := range share {
		block.Reset()
		for _, field := range c.fields(first + k) {
			err = errors.Join(err, encoder.WriteField(field))
		}
		err = errors.Join(err, f.WriteHeaders(http2.HeadersFrameParam{
			StreamID: streamID(k), BlockFragment: block.Bytes(), EndStream: true, EndHeaders: true,
		}))
	}
	return out.Bytes(), err
}

func streamID(k int) uint32 { return uint32(2*k + 1) }

// fields returns the header fields of a reader's request.
func (c *Client) fields(i int) []hpack.HeaderField {
	head, _, _ := bytes.Cut(c.requestOf(i), []byte(" HTTP/1.1\r\n"))
	fields := []hpack.HeaderField{
		{Name: ":method", Value: "GET"}, {Name: ":scheme", Value: "https"}, {Name: ":authority", Value: c.spec.Addr},
		{Name: ":path", Value: string(bytes.TrimPrefix(head, []byte("GET ")))}, {Name: "accept", Value: "text/event-stream"},
	}
	if c.spec.Gzip {
		fields = append(fields, hpack.HeaderField{Name: "accept-encoding", Value: "gzip"})
	}
	return fields
}

const frameHeader = 9

// multiplexed takes the frames of HTTP/2 out of data, and returns the rest. first is the reader of the first stream.
func (c *Client) multiplexed(first int, data []byte, at int64) ([]byte, error) {
	for len(data) >= frameHeader {
		size := frameHeader + int(data[0])<<16 + int(data[1])<<8 + int(data[2])
		if len(data) < size {
			break
		}
		kind, flags := http2.FrameType(data[3]), http2.Flags(data[4])
		stream := binary.BigEndian.Uint32(data[5:]) & mostWindow
		if err := c.frame2(first, kind, flags, stream, data[frameHeader:size], at); err != nil {
			return nil, err
		}
		data = data[size:]
	}
	return data, nil
}

func (c *Client) frame2(first int, kind http2.FrameType, flags http2.Flags, stream uint32, payload []byte, at int64) error {
	lead := &c.conns[first]
	switch kind {
	case http2.FrameData, http2.FrameHeaders, http2.FrameRSTStream:
		k := int(stream-1) / 2
		if stream%2 == 0 || k >= lead.link.streams {
			return fmt.Errorf("a frame %v of stream %d", kind, stream)
		}
		return c.streamed(&c.conns[first+k], first+k, kind, flags, payload, at)
	case http2.FrameSettings:
		if flags.Has(http2.FlagSettingsAck) {
			return nil
		}
		return c.control2(lead, http2.FrameSettings, nil)
	case http2.FramePing:
		if flags.Has(http2.FlagPingAck) {
			return nil
		}
		return c.control2(lead, http2.FramePing, payload)
	case http2.FrameWindowUpdate:
		return nil
	case http2.FrameGoAway:
		return errors.New("the server sent GOAWAY")
	}
	return fmt.Errorf("an unexpected frame %v", kind)
}

// control2 acknowledges settings or a ping.
func (c *Client) control2(lead *conn, kind http2.FrameType, payload []byte) error {
	frame := append([]byte{0, 0, byte(len(payload)), byte(kind), byte(http2.FlagPingAck), 0, 0, 0, 0}, payload...)
	return lead.send(frame)
}

// streamed takes a frame of one reader's stream.
func (c *Client) streamed(co *conn, i int, kind http2.FrameType, flags http2.Flags, payload []byte, at int64) error {
	switch {
	case kind == http2.FrameRSTStream:
		return errors.New("the server reset a stream")
	case flags.Has(http2.FlagDataPadded) || kind == http2.FrameHeaders && !flags.Has(http2.FlagHeadersEndHeaders):
		return fmt.Errorf("a frame %v with flags %#x", kind, flags)
	case kind == http2.FrameHeaders:
		var err error
		if co.zipped, err = head2(payload); err != nil {
			return err
		}
		c.connect(co)
	default:
		c.joined = append(append(c.joined[:0], co.rest...), payload...)
		left, err := c.streamEvents(co, i, c.joined, at)
		if err != nil {
			return err
		}
		co.rest = append(co.rest[:0], left...)
	}
	if flags.Has(http2.FlagDataEndStream) {
		return errors.New("the server ended a stream")
	}
	return nil
}

// head2 reports whether an answer is compressed. It returns an error if its status is not 200.
func head2(block []byte) (zipped bool, err error) {
	fields, err := hpack.NewDecoder(0, nil).DecodeFull(block)
	if err != nil {
		return false, fmt.Errorf("the head of an answer: %w", err)
	}
	for _, field := range fields {
		switch {
		case field.Name == ":status" && field.Value != "200":
			return false, fmt.Errorf("the server answered with status %s", field.Value)
		case field.Name == "content-encoding":
			zipped = field.Value == "gzip"
		}
	}
	return zipped, nil
}
