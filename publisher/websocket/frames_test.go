package websocket

import (
	"bytes"
	"compress/flate"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	gorilla "github.com/gorilla/websocket"
)

// said is what a reader sends after the upgrade, and the result (RFC 6455, sections 5 and 7).
type said struct {
	in    []byte
	code  int      // of the close frame that ends the connection; 0 if it does not end
	other int      // the code with a goroutine per connection, if gorilla is known to differ; 0 if it is the same
	pongs []string // before the close frame
}

// First bytes of frames. The second line is for messages in fragments.
const (
	textFrame, binaryFrame, closeFrame, pingFrame, pongFrame = 0x81, 0x82, 0x88, 0x89, 0x8a
	textBegins, binaryBegins, goesOn, goesOnLast             = 0x01, 0x02, 0x00, 0x80
)

// header returns a client's frame without its payload, with the length in that many bits.
func header(first byte, bits int, length uint64) []byte {
	frame := []byte{first, 0x80}
	switch bits {
	case 16:
		frame = append(frame[:1], 0x80|126, byte(length>>8), byte(length))
	case 64:
		frame = append(frame[:1], 0x80|127)
		for shift := 56; shift >= 0; shift -= 8 {
			frame = append(frame, byte(length>>shift))
		}
	default:
		frame[1] |= byte(length)
	}
	return append(frame, 0, 0, 0, 0) // the mask
}

// bomb returns 16 MB, compressed to 16 kB.
var bomb = sync.OnceValue(func() string {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, flate.BestCompression)
	_, _ = w.Write(make([]byte, 16<<20))
	_ = w.Close()
	return b.String()
})

func closeWith(code int, reason string) []byte {
	return masked(closeFrame, string([]byte{byte(code >> 8), byte(code)})+reason)
}

func cases() map[string]said {
	const protocol, utf8, size, policy = 1002, 1007, 1009, 1008
	a := func(n int) string { return strings.Repeat("a", n) }
	c := map[string]said{
		"nothing": {},
		"text":    {in: masked(textFrame, "hello")},
		"empty":   {in: masked(textFrame, "")},
		"binary":  {in: masked(binaryFrame, "\x00\xff\xfe")},
		"several": {in: glue(masked(textFrame, "a"), masked(binaryFrame, "b"), masked(textFrame, "c"))},

		"ping":                {in: masked(pingFrame, "are you there"), pongs: []string{"are you there"}},
		"empty ping":          {in: masked(pingFrame, ""), pongs: []string{""}},
		"ping of 125":         {in: masked(pingFrame, a(125)), pongs: []string{a(125)}},
		"pings":               {in: glue(masked(pingFrame, "1"), masked(pingFrame, "2")), pongs: []string{"1", "2"}},
		"ping of no UTF-8":    {in: masked(pingFrame, "\xff\x00"), pongs: []string{"\xff\x00"}},
		"pong":                {in: masked(pongFrame, "unasked")},
		"fragments":           {in: glue(masked(textBegins, "hel"), masked(goesOn, "l"), masked(goesOnLast, "o"))},
		"fragments, binary":   {in: glue(masked(binaryBegins, "\xff"), masked(goesOnLast, "\xfe"))},
		"empty fragments":     {in: glue(masked(textBegins, ""), masked(goesOn, ""), masked(goesOnLast, ""))},
		"ping in a message":   {in: glue(masked(textBegins, "hel"), masked(pingFrame, "x"), masked(goesOnLast, "lo")), pongs: []string{"x"}},
		"pong in a message":   {in: glue(masked(textBegins, "hel"), masked(pongFrame, "x"), masked(goesOnLast, "lo"))},
		"close in a message":  {in: glue(masked(textBegins, "hel"), closeWith(1000, "")), code: 1000},
		"message of 125":      {in: masked(textFrame, a(125))},
		"message of 126":      {in: masked(textFrame, a(126))},
		"message of 4096":     {in: masked(textFrame, a(4096))},
		"fragments of 4096":   {in: glue(masked(textBegins, a(2048)), masked(goesOnLast, a(2048)))},
		"many of 4096":        {in: bytes.Repeat(masked(binaryFrame, a(4096)), 20)},
		"4096 in 64 bits":     {in: append(header(binaryFrame, 64, 4096), a(4096)...)},
		"5 in 64 bits":        {in: append(header(textFrame, 64, 5), "hello"...)},
		"message of 4097":     {in: masked(textFrame, a(4097)), code: size},
		"message of 65536":    {in: masked(binaryFrame, a(65536)), code: size},
		"fragments of 4097":   {in: glue(masked(textBegins, a(4096)), masked(goesOnLast, "a")), code: size},
		"endless fragments":   {in: glue(masked(binaryBegins, "a"), bytes.Repeat(masked(goesOn, a(100)), 50)), code: size},
		"announced 2^32":      {in: header(binaryFrame, 64, 1<<32), code: size},
		"announced 2^62":      {in: header(binaryFrame, 64, 1<<62), code: size},
		"announced 2^63-1":    {in: header(textFrame, 64, 1<<63-1), code: size},
		"announced 2^63":      {in: header(binaryFrame, 64, 1<<63), code: protocol},
		"goes on with 2^63":   {in: glue(masked(binaryBegins, "a"), header(goesOn, 64, 1<<63)), code: protocol},
		"announced 2^64-1":    {in: header(binaryFrame, 64, 1<<64-1), code: protocol},
		"unmasked":            {in: []byte("\x81\x05hello"), code: protocol},
		"unmasked ping":       {in: []byte("\x89\x00"), code: protocol},
		"unmasked, 16 bits":   {in: append([]byte("\x82\x7e\x01\x00"), a(256)...), code: protocol},
		"unmasked later":      {in: append(masked(textFrame, "a"), "\x81\x01b"...), code: protocol},
		"RSV1":                {in: masked(textFrame|0x40, "hello"), code: protocol},
		"RSV2":                {in: masked(textFrame|0x20, "hello"), code: protocol},
		"RSV3":                {in: masked(binaryFrame|0x10, "hello"), code: protocol},
		"RSV1, 2 and 3":       {in: masked(textFrame|0x70, ""), code: protocol},
		"RSV1 of a ping":      {in: masked(pingFrame|0x40, ""), code: protocol},
		"RSV1, continuation":  {in: glue(masked(textBegins, "a"), masked(goesOnLast|0x40, "b")), code: protocol},
		"ping in fragments":   {in: masked(pingFrame&0x7f, "a"), code: protocol},
		"pong in fragments":   {in: masked(pongFrame&0x7f, "a"), code: protocol},
		"close in fragments":  {in: masked(closeFrame&0x7f, "\x03\xe8"), code: protocol},
		"ping of 126":         {in: masked(pingFrame, a(126)), code: protocol},
		"pong of 126":         {in: masked(pongFrame, a(126)), code: protocol},
		"close of 126":        {in: closeWith(1000, a(124)), code: protocol},
		"ping, 5 in 64 bits":  {in: append(header(pingFrame, 64, 5), "hello"...), code: protocol},
		"continues nothing":   {in: masked(goesOn, "a"), code: protocol},
		"ends nothing":        {in: masked(goesOnLast, "a"), code: protocol},
		"ends nothing later":  {in: glue(masked(textFrame, "a"), masked(goesOnLast, "b")), code: protocol},
		"text in a text":      {in: glue(masked(textBegins, "a"), masked(textFrame, "b")), code: protocol},
		"binary in a text":    {in: glue(masked(textBegins, "a"), masked(binaryBegins, "b")), code: protocol},
		"text in a binary":    {in: glue(masked(binaryBegins, "a"), masked(goesOn, "b"), masked(textBegins, "c")), code: protocol},
		"compressed":          {in: masked(textFrame|0x40, bomb()[:512]), code: protocol},
		"a bomb":              {in: masked(binaryFrame|0x40, bomb()[:4096]), code: protocol},
		"a bomb unannounced":  {in: masked(binaryFrame, bomb()[:4096])}, // bytes as any others
		"a bomb in fragments": {in: glue(masked(binaryBegins|0x40, bomb()[:2048]), masked(goesOnLast, bomb()[:2048])), code: protocol},
		"HTTP":                {in: []byte("GET / HTTP/1.1\r\nHost: live.example\r\n\r\n"), code: protocol},
		"TLS":                 {in: []byte("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03random bytes"), code: protocol},
		"all zeros":           {in: make([]byte, 64), code: protocol},
		"all ones":            {in: bytes.Repeat([]byte{0xff}, 64), code: protocol},

		"UTF-8":                {in: masked(textFrame, "κόσμε 🐦 \U0010ffff")},
		"UTF-8 in fragments":   {in: glue(masked(textBegins, "\xf0\x9f"), masked(goesOn, "\x90"), masked(goesOnLast, "\xa6"))},
		"UTF-8 around a ping":  {in: glue(masked(textBegins, "\xce"), masked(pingFrame, ""), masked(goesOnLast, "\xba")), pongs: []string{""}},
		"UTF-8, empty between": {in: glue(masked(textBegins, "\xce"), masked(goesOn, ""), masked(goesOnLast, "\xba"))},
		"not UTF-8":            {in: masked(textFrame, "a\xffb"), code: utf8},
		"a surrogate":          {in: masked(textFrame, "\xed\xa0\x80"), code: utf8},
		"overlong":             {in: masked(textFrame, "\xc0\xaf"), code: utf8},
		"beyond U+10FFFF":      {in: masked(textFrame, "\xf4\x90\x80\x80"), code: utf8},
		"ends in a character":  {in: masked(textFrame, "a\xf0\x9f\x90"), code: utf8},
		"not UTF-8, fragments": {in: glue(masked(textBegins, "\xce"), masked(goesOnLast, "a")), code: utf8},
		"cut, fragments":       {in: glue(masked(textBegins, "\xf0\x9f"), masked(goesOnLast, "\x90")), code: utf8},
		"cut, then another":    {in: glue(masked(textFrame, "\xce"), masked(textFrame, "\xba")), code: utf8},

		"close":                  {in: masked(closeFrame, ""), code: gorilla.CloseNoStatusReceived},
		"close, 1 byte":          {in: masked(closeFrame, "\x03"), code: protocol, other: gorilla.CloseNoStatusReceived},
		"close, reason":          {in: closeWith(1000, "bye"), code: 1000},
		"close, reason of 123":   {in: closeWith(1001, a(123)), code: 1001},
		"close, reason in bytes": {in: closeWith(1000, "\xff"), code: utf8, other: protocol},
		"close, and more":        {in: glue(closeWith(1000, ""), masked(pingFrame, "late"), []byte("\xff\xff")), code: 1000},
		"ping and close":         {in: glue(masked(pingFrame, "x"), closeWith(1000, "")), code: 1000, pongs: []string{"x"}},
		"ping and wrong":         {in: glue(masked(pingFrame, "x"), masked(0x83, "")), code: protocol, pongs: []string{"x"}},
		"wrong, and more":        {in: glue(masked(0x83, ""), bytes.Repeat(masked(binaryFrame, a(4096)), 50)), code: protocol},
		"close 1014":             {in: closeWith(1014, ""), code: 1014, other: protocol}, // IANA's, later than gorilla

		"flood of pings":     {in: bytes.Repeat(masked(pingFrame, ""), 400), code: policy},
		"flood of pongs":     {in: bytes.Repeat(masked(pongFrame, ""), 400), code: policy},
		"flood in a message": {in: glue(masked(textBegins, "a"), bytes.Repeat(masked(pongFrame, "x"), 400)), code: policy},
		"100 pings":          {in: bytes.Repeat(masked(pingFrame, ""), 100), pongs: make([]string, 100)},
		"a thousand texts":   {in: bytes.Repeat(masked(textFrame, "hello"), 1000)},
	}
	for _, opcode := range []byte{3, 4, 5, 6, 7, 11, 12, 13, 14, 15} {
		c[fmt.Sprintf("opcode %d", opcode)] = said{in: masked(0x80|opcode, "a"), code: protocol}
	}
	for _, code := range []int{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 3000, 3999, 4000, 4999} {
		c[fmt.Sprintf("close %d", code)] = said{in: closeWith(code, ""), code: code}
	}
	for _, code := range []int{0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535} {
		c[fmt.Sprintf("close %d, which is none", code)] = said{in: closeWith(code, ""), code: protocol}
	}
	return c
}

// sendings are the ways in which the same bytes may arrive.
var sendings = map[string]func(in []byte) [][]byte{
	"whole": func(in []byte) [][]byte { return [][]byte{in} },
	"bytes": func(in []byte) [][]byte {
		most := 1
		if len(in) > 300 {
			most = 61 // takes less time, and is as good
		}
		return slices.Collect(slices.Chunk(in, most))
	},
	"halves": func(in []byte) [][]byte { return [][]byte{in[:len(in)/2], in[len(in)/2:]} },
	"glued": func(in []byte) [][]byte {
		return [][]byte{glue(masked(textFrame, "before"), masked(pongFrame, ""), in)}
	},
}

func TestFrames(t *testing.T) {
	each(t, func(t *testing.T, goroutines bool) {
		s := open(t, settings{goroutines: goroutines})
		all := cases()
		for _, name := range slices.Sorted(maps.Keys(all)) {
			for how, send := range sendings {
				if how == "glued" && name == "100 pings" || how == "bytes" && strings.HasPrefix(name, "flood") {
					continue // one ping too many; and a slow sender is no flood
				}
				t.Run(name+", "+how, func(t *testing.T) { s.say(t, goroutines, all[name], send) })
			}
		}
		if n := s.stats().SlowClosed.Load(); n != 0 {
			t.Errorf("got %d slow readers, want none", n)
		}
	})
}

func (s *site) say(t *testing.T, goroutines bool, test said, send func([]byte) [][]byte) {
	c, _ := s.begin("")
	defer c.Close()
	code := test.code
	if goroutines && test.other != 0 {
		code = test.other
	}
	parts := send(test.in)
	if code == 0 { // the connection goes on, and the next frame is understood
		parts, code = append(parts, closeWith(4000, "done")), 4000
	}
	for _, part := range parts {
		if _, err := c.Write(part); err != nil {
			break // the connection has been closed
		}
	}
	got, reason, updates, pongs, err := c.end()
	if err != nil {
		t.Fatal(err)
	}
	if got != code {
		t.Errorf("got close code %d %q, want %d", got, reason, code)
	}
	if code == gorilla.ClosePolicyViolation { // the number of pongs differs if a new second has begun
		return
	}
	if !slices.Equal(pongs, test.pongs) {
		t.Errorf("got the pongs %q, want %q", pongs, test.pongs)
	}
	if len(updates) > 0 {
		t.Errorf("got the update %+v, want none", updates[0])
	}
}
