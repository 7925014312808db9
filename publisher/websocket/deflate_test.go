package websocket

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	gorilla "github.com/gorilla/websocket"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/liveblog"
	"github.com/motacilla-live/motacilla/publisher/publishertest"
)

const offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"

func TestOffersDeflate(t *testing.T) {
	for offers, want := range map[string]bool{
		"permessage-deflate":                                                         true,
		"permessage-deflate; client_max_window_bits":                                 true, // Chromium
		"Permessage-Deflate ; client_max_window_bits=15":                             true,
		`permessage-deflate; client_max_window_bits="8"`:                             true,
		"permessage-deflate; server_no_context_takeover; client_no_context_takeover": true, // gorilla
		"permessage-deflate; server_max_window_bits=10":                              false,
		"permessage-deflate; server_max_window_bits=10, permessage-deflate":          true,
		"x-webkit-deflate-frame, permessage-deflate":                                 true,
		"permessage-deflate; client_max_window_bits=7":                               false,
		"permessage-deflate; client_max_window_bits=16":                              false,
		"permessage-deflate; client_max_window_bits; client_max_window_bits":         false,
		"permessage-deflate; server_no_context_takeover=1":                           false,
		"permessage-deflate; something":                                              false,
		"permessage-deflated":                                                        false,
		"":                                                                           false,
		";,;,":                                                                       false,
	} {
		if got := offersDeflate(http.Header{"Sec-Websocket-Extensions": {offers}}); got != want {
			t.Errorf("%q: got %t, want %t", offers, got, want)
		}
	}
	if offersDeflate(http.Header{}) {
		t.Error("a request without the header offers it")
	}
	if !offersDeflate(http.Header{"Sec-Websocket-Extensions": {"one", "permessage-deflate"}}) {
		t.Error("the second line of the header was not read")
	}
}

// packedFrame reads a frame of a server that may compress. whole is the frame as it came.
func (s *site) packedFrame(c *raw) (packed bool, text string, whole []byte) {
	s.Helper()
	first, err := c.in.Peek(1)
	if err != nil {
		s.Fatal(err)
	}
	packed = first[0]&rsv1 != 0
	first[0] &^= rsv1
	opcode, payload, err := c.next()
	if err != nil || opcode != gorilla.TextMessage {
		s.Fatalf("got opcode %d, %v", opcode, err)
	}
	whole = appendFrame(nil, opcode, payload)
	if packed {
		r := flate.NewReader(io.MultiReader(bytes.NewReader(payload), strings.NewReader("\x00\x00\xff\xff")))
		payload, err = io.ReadAll(r)
		if !errors.Is(err, io.ErrUnexpectedEOF) { // the data has no last block
			s.Fatal(err)
		}
	}
	return packed, string(payload), whole
}

func (s *site) upgradePacked(ch motacilla.ChannelID, query string, header ...string) *raw {
	s.Helper()
	c, resp := s.request(http.MethodGet, path(ch, query), append(append(slices.Clone(upgrading), offer), header...)...)
	const want = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
	if got := resp.Header.Get("Sec-WebSocket-Extensions"); got != want {
		s.Fatalf("%s with the extensions %q, want %q", resp.Status, got, want)
	}
	return c
}

// All readers who accept compression get the same bytes, whichever update they began with, and the same text as others.
func TestCompressed(t *testing.T) {
	each(t, func(t *testing.T, goroutines bool) {
		s := open(t, settings{goroutines: goroutines})
		plain, _ := s.begin("")
		early := s.upgradePacked(match, "")
		s.packedFrame(early)
		var late *raw
		for i, text := range liveblog.Posts()[:6] {
			s.post(text)
			_, want, err := plain.next()
			if err != nil {
				t.Fatal(err)
			}
			packed, got, whole := s.packedFrame(early)
			if !packed || got != string(want) || len(whole) >= len(want) {
				t.Errorf("post %d: compressed %t, %d bytes for %d, text right: %t", i, packed, len(whole), len(want), got == string(want))
			}
			if late != nil {
				if _, _, other := s.packedFrame(late); !bytes.Equal(other, whole) {
					t.Errorf("post %d: another reader got other bytes", i)
				}
			}
			if i == 2 {
				late = s.upgradePacked(match, "")
				s.packedFrame(late)
			}
		}
		for _, c := range []*raw{plain, early, late} {
			c.Close()
		}
	})
}

// Updates of private channels are not compressed, and neither are short messages.
func TestNotCompressed(t *testing.T) {
	each(t, func(t *testing.T, goroutines bool) {
		s := open(t, settings{goroutines: goroutines})
		s.Post(publishertest.Members, liveblog.Posts()[0])
		private := s.upgradePacked(publishertest.Members, "", "Authorization: Bearer "+secret)
		if packed, text, _ := s.packedFrame(private); packed || !strings.Contains(text, "Harbour") {
			t.Errorf("the first update of a private channel: compressed %t, %.60s", packed, text)
		}
		s.Post(publishertest.Members, liveblog.Posts()[1])
		if packed, text, _ := s.packedFrame(private); packed || !strings.Contains(text, "Petrov") {
			t.Errorf("an update of a private channel: compressed %t, %.60s", packed, text)
		}
		private.Close()
		p := s.post("x")
		short := s.upgradePacked(match, "?since="+p.Revision.String())
		if packed, text, _ := s.packedFrame(short); packed || len(text) >= 200 {
			t.Errorf("a heartbeat: compressed %t, %s", packed, text)
		}
		short.Close()
	})
}

// Without compression in the configuration nothing is negotiated.
func TestCompressionOff(t *testing.T) {
	o := settings{}
	o.feed.Compression = []string{}
	s := open(t, o)
	c, resp := s.request(http.MethodGet, path(match, ""), append(slices.Clone(upgrading), offer)...)
	if got := resp.Header.Get("Sec-WebSocket-Extensions"); got != "" {
		t.Errorf("got the extensions %q", got)
	}
	s.update(c)
	c.Close()
}

// pack returns the payload of a compressed message.
func pack(text string) string {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, flate.BestCompression)
	_, _ = io.WriteString(w, text)
	_ = w.Flush()
	return strings.TrimSuffix(b.String(), "\x00\x00\xff\xff")
}

// Compressed messages of readers are decompressed and validated like others, in at most 4 KiB.
func TestPackedFrames(t *testing.T) {
	const protocol, malformedData, size, policy = 1002, 1007, 1009, 1008
	hello := pack("hello")
	cases := map[string]said{
		"text":               {in: masked(textFrame|rsv1, hello)},
		"binary":             {in: masked(binaryFrame|rsv1, pack("\xff\xfe"))},
		"empty":              {in: masked(textFrame|rsv1, pack(""))},
		"not compressed":     {in: masked(textFrame, "hello")},
		"fragments":          {in: glue(masked(textBegins|rsv1, hello[:3]), masked(goesOnLast, hello[3:]))},
		"ping between":       {in: glue(masked(textBegins|rsv1, hello[:3]), masked(pingFrame, "x"), masked(goesOnLast, hello[3:])), pongs: []string{"x"}},
		"4 KiB":              {in: masked(textFrame|rsv1, pack(strings.Repeat("a", 4096)))},
		"4 KiB and 1":        {in: masked(textFrame|rsv1, pack(strings.Repeat("a", 4097))), code: size},
		"a bomb":             {in: masked(binaryFrame|rsv1, bomb()[:4096]), code: size},
		"a bomb, fragments":  {in: glue(masked(binaryBegins|rsv1, bomb()[:2048]), masked(goesOnLast, bomb()[:2048])), code: size},
		"not UTF-8":          {in: masked(textFrame|rsv1, pack("a\xff")), code: malformedData},
		"half a character":   {in: masked(textFrame|rsv1, pack("\xce")), code: malformedData},
		"malformed":          {in: masked(textFrame|rsv1, "\xff\xff\xff\xff\xff"), code: malformedData},
		"malformed, binary":  {in: masked(binaryFrame|rsv1, "\x07\x07\x07"), code: malformedData},
		"RSV2":               {in: masked(textFrame|rsv1|0x20, hello), code: protocol},
		"ping between, long": {in: glue(masked(textFrame|rsv1, hello), masked(textFrame, "\xff")), code: malformedData},
	}
	each(t, func(t *testing.T, goroutines bool) {
		if !goroutines { // gorilla takes the bit on any frame, and does not say which messages were compressed
			cases["RSV1 of a ping"] = said{in: masked(pingFrame|rsv1, ""), code: protocol}
			cases["RSV1, continuation"] = said{in: glue(masked(textBegins|rsv1, hello[:3]), masked(goesOnLast|rsv1, hello[3:])), code: protocol}
			cases["flood"] = said{in: bytes.Repeat(masked(textFrame|rsv1, hello), 400), code: policy}
			defer func() { delete(cases, "RSV1 of a ping"); delete(cases, "RSV1, continuation"); delete(cases, "flood") }()
		}
		s := open(t, settings{goroutines: goroutines})
		for name, c := range cases {
			for how, send := range sendings {
				if how == "bytes" && name == "flood" {
					continue // a slow sender is no flood
				}
				t.Run(name+", "+how, func(t *testing.T) { s.sayOn(t, s.upgradePacked(match, ""), c, send) })
			}
		}
	})
}

func (s *site) sayOn(t *testing.T, c *raw, test said, send func([]byte) [][]byte) {
	defer c.Close()
	s.packedFrame(c)
	parts, code := send(test.in), test.code
	if code == 0 { // the connection goes on, and the next frame is understood
		parts, code = append(parts, closeWith(4000, "done")), 4000
	}
	for _, part := range parts {
		if _, err := c.Write(part); err != nil {
			break // the connection has been closed
		}
	}
	got, reason, _, pongs, err := c.end()
	if err != nil || got != code || !slices.Equal(pongs, test.pongs) {
		t.Errorf("got close code %d %q and the pongs %q, %v, want %d and %q", got, reason, pongs, err, code, test.pongs)
	}
}

// FuzzPacked sends any payload as a compressed message, and any text as gorilla's client compresses it.
func FuzzPacked(f *testing.F) {
	f.Add("hello", uint8(1))
	f.Add(bomb()[:4096], uint8(7))
	f.Add(strings.Repeat("κόσμε ", 300), uint8(200))
	f.Add("\xff\xff\xff\xff", uint8(3))
	f.Fuzz(func(t *testing.T, payload string, cut uint8) {
		if message, code, _ := inflate([]byte(payload), mostMessage); len(message) > mostMessage || code != 0 && message != nil {
			t.Fatalf("got a message of %d bytes and the code %d", len(message), code)
		}
		message, code, _ := inflate([]byte(pack(payload)), mostMessage)
		if long := len(payload) > mostMessage; long != (code == gorilla.CloseMessageTooBig) || !long && string(message) != payload {
			t.Fatalf("%q became %q, code %d", payload, message, code)
		}
		if len(payload) > mostMessage {
			return
		}
		in := masked(textFrame|rsv1, payload)
		whole, pieces := incoming{deflate: true}, incoming{deflate: true}
		now := time.Unix(1, 0)
		answer, end := whole.take(slices.Clone(in), now)
		var other []byte
		var ended bool
		for part := range slices.Chunk(in, int(cut)+1) {
			if part, ended = pieces.take(slices.Clone(part), now); ended || len(part) > 0 {
				other = append(other, part...)
			}
		}
		if end != ended || !bytes.Equal(answer, other) || pieces.packed != nil {
			t.Fatalf("%q: whole %x %t, in pieces %x %t", payload, answer, end, other, ended)
		}
	})
}

// FuzzFrame has gorilla's client read a frame with any text.
func FuzzFrame(f *testing.F) {
	for _, p := range liveblog.Posts() {
		f.Add(p)
	}
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		frame := appendPacked(nil, []byte(text))
		if plain := appendFrame(nil, gorilla.TextMessage, []byte(text)); len(frame) > len(plain) {
			t.Fatalf("%d bytes, %d without compression", len(frame), len(plain))
		}
		packed := frame[0]&rsv1 != 0
		frame[0] &^= rsv1
		_, payload, err := nextFrame(bytes.NewReader(frame))
		if err != nil {
			t.Fatal(err)
		}
		if packed {
			r := flate.NewReader(io.MultiReader(bytes.NewReader(payload), strings.NewReader("\x00\x00\xff\xff\x01\x00\x00\xff\xff")))
			if payload, err = io.ReadAll(r); err != nil {
				t.Fatal(err)
			}
		}
		if string(payload) != text {
			t.Fatalf("%q became %q", text, payload)
		}
	})
}

// What is kept of a reader that may send compressed messages takes as much memory as before: 112 bytes are what Go allocates.
func TestIncomingIsSmall(t *testing.T) {
	if n := unsafe.Sizeof(incoming{}); n > 112 {
		t.Errorf("it takes %d bytes", n)
	}
}
