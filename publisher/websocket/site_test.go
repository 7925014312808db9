package websocket

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	gorilla "github.com/gorilla/websocket"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/publishertest"
	"github.com/motacilla-live/motacilla/route"
)

const (
	match  = publishertest.Channel
	secret = publishertest.Secret
)

// settings are what a test needs of its site.
type settings struct {
	goroutines bool
	origins    *route.Origins
	feed       publisher.FeedOptions
	authorize  route.Authorizer // nil requires the secret for private channels
	buffer     int              // bytes that the kernel keeps for a reader that does not read; 0 leaves it to the system
	linger     time.Duration    // how long the peer has to answer a close frame; 0 is more than a slow machine takes
	server     publishertest.ServerOptions
}

// site is a server with the publisher.
type site struct {
	*publishertest.Site
	*publishertest.Server
	publisher *Publisher
}

func open(t *testing.T, o settings) *site {
	t.Helper()
	o.feed.Heartbeat = cmp.Or(o.feed.Heartbeat, time.Hour) // a test that takes long must not come upon one
	s := &site{Site: publishertest.NewSite(t, &publishertest.SiteOptions{Feed: o.feed, Authorize: o.authorize})}
	s.publisher = newLingering(s.Feed, &Options{Goroutines: o.goroutines, Origins: o.origins}, cmp.Or(o.linger, 10*linger))
	s.Add(s.publisher)
	o.server.Buffer = o.buffer
	s.Server = s.Serve(&o.server)
	return s
}

func (s *site) post(text string) motacilla.Post { return s.Post(match, text) }

func (s *site) change(edit func(*motacilla.Channel)) { s.EditChannel(match, edit) }

func (s *site) stats() *publisher.Stats { return s.Stats(name) }

// raw is a client on its socket.
type raw struct {
	*net.TCPConn
	in *bufio.Reader
}

// path returns the path of a channel, with a query.
func path(ch motacilla.ChannelID, query string) string {
	return "/live/websocket/" + string(ch) + "/" + query
}

func (s *site) connect() *raw {
	s.Helper()
	conn := s.Dial()
	return &raw{conn.(*net.TCPConn), bufio.NewReader(conn)}
}

// upgrading are the headers of a handshake (RFC 6455, section 4.1).
var upgrading = []string{
	"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
}

// request sends a request and returns what is answered.
func (s *site) request(method, target string, header ...string) (*raw, *http.Response) {
	s.Helper()
	c := s.connect()
	head := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: live.example\r\n", method, target)
	for _, line := range header {
		head += line + "\r\n"
	}
	if _, err := io.WriteString(c, head+"\r\n"); err != nil {
		s.Fatal(err)
	}
	resp, err := http.ReadResponse(c.in, &http.Request{Method: method})
	if err != nil {
		s.Fatal(err)
	}
	return c, resp
}

// upgrade opens a connection and reads the answer.
func (s *site) upgrade(query string) *raw {
	s.Helper()
	c, resp := s.request(http.MethodGet, path(match, query), upgrading...)
	if resp.StatusCode != http.StatusSwitchingProtocols {
		s.Fatalf("got %s for the upgrade, want 101", resp.Status)
	}
	if accept := resp.Header.Get("Sec-WebSocket-Accept"); accept != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" { // section 1.3
		s.Fatalf("got Sec-WebSocket-Accept %q", accept)
	}
	return c
}

// begin opens a connection and reads the first update too.
func (s *site) begin(query string) (*raw, *motacilla.Update) {
	s.Helper()
	c := s.upgrade(query)
	return c, s.update(c)
}

// update returns the next frame, which must be an update.
func (s *site) update(c *raw) *motacilla.Update {
	s.Helper()
	opcode, payload, err := c.next()
	if err != nil || opcode != gorilla.TextMessage {
		s.Fatalf("got a frame of opcode %d (%v), want an update", opcode, err)
	}
	u := new(motacilla.Update)
	if err := u.UnmarshalJSON(payload); err != nil {
		s.Fatal(err)
	}
	return u
}

// next returns the next frame. Any error except io.EOF means that the server broke a rule.
func (c *raw) next() (opcode int, payload []byte, err error) { return nextFrame(c.in) }

// nextFrame reads a frame of a server that sends no fragments, as strictly as RFC 6455.
func nextFrame(in io.Reader) (opcode int, payload []byte, err error) {
	var buf [8]byte
	head := buf[:2]
	if _, err := io.ReadFull(in, head); err != nil {
		return 0, nil, err
	}
	if head[0]&0xf0 != 0x80 || head[1]&0x80 != 0 {
		return 0, nil, fmt.Errorf("a frame that begins %x: not final, reserved bits, or a mask", head)
	}
	opcode = int(head[0] & 0x0f)
	length, least := uint64(head[1]&0x7f), uint64(0)
	switch length {
	case 126:
		least = 126
		head = buf[:2]
	case 127:
		least = 1 << 16
		head = buf[:8]
	}
	if least > 0 {
		if _, err := io.ReadFull(in, head); err != nil {
			return 0, nil, fmt.Errorf("in a header: %w", err)
		}
		length = uint64(binary.BigEndian.Uint16(head))
		if len(head) == 8 {
			length = binary.BigEndian.Uint64(head)
		}
	}
	control := opcode&8 != 0
	switch known := opcode == gorilla.TextMessage || opcode >= gorilla.CloseMessage && opcode <= gorilla.PongMessage; {
	case !known:
		return 0, nil, fmt.Errorf("opcode %d", opcode)
	case length < least || length > 1<<30 || control && length > 125:
		return 0, nil, fmt.Errorf("opcode %d with length %d", opcode, length)
	}
	payload = make([]byte, length)
	if _, err := io.ReadFull(in, payload); err != nil {
		return 0, nil, fmt.Errorf("in a payload: %w", err)
	}
	return opcode, payload, nil
}

// end reads to the close frame, answers it, and reads to the end of the connection. It returns what came before.
func (c *raw) end() (code int, reason string, updates []*motacilla.Update, pongs []string, err error) {
	for code == 0 {
		opcode, payload, err := c.next()
		if err != nil {
			return 0, "", updates, pongs, fmt.Errorf("no close frame: %w", err)
		}
		switch opcode {
		case gorilla.PongMessage:
			pongs = append(pongs, string(payload))
		case gorilla.TextMessage:
			u := new(motacilla.Update)
			if err := u.UnmarshalJSON(payload); err != nil {
				return 0, "", updates, pongs, err
			}
			updates = append(updates, u)
		case gorilla.CloseMessage:
			code, reason = codeOf(payload)
			_, _ = c.Write(masked(closeFrame, string(payload))) // ignored if the peer has closed first
		}
	}
	if n, err := c.in.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		return code, reason, updates, pongs, fmt.Errorf("after the close frame: %d bytes, %w, not the end", n, err)
	}
	return code, reason, updates, pongs, nil
}

// codeOf returns the code and the reason of a close frame. Without a code it is 1005 (section 7.1.5), with half of one -1.
func codeOf(payload []byte) (code int, reason string) {
	switch len(payload) {
	case 0:
		return gorilla.CloseNoStatusReceived, ""
	case 1:
		return -1, ""
	}
	return int(binary.BigEndian.Uint16(payload)), string(payload[2:])
}

// ends fails the test if the connection does not end properly with code.
func (s *site) ends(c *raw, code int) []*motacilla.Update {
	s.Helper()
	got, reason, updates, _, err := c.end()
	if err != nil || got != code {
		s.Errorf("got close code %d %q (%v), want %d", got, reason, err, code)
	}
	return updates
}

// masked returns a client's frame. first is its first byte.
func masked(first byte, payload string) []byte {
	key := [4]byte{0x37, 0xfa, 0x21, 0x3d}
	frame := appendHeader(nil, 0, len(payload))
	frame[0] = first
	frame[1] |= 0x80
	frame = append(frame, key[:]...)
	for i := range len(payload) {
		frame = append(frame, payload[i]^key[i&3])
	}
	return frame
}

func glue(frames ...[]byte) []byte { return []byte(strings.Join(texts(frames), "")) }

func texts(frames [][]byte) []string {
	list := make([]string, len(frames))
	for i, frame := range frames {
		list[i] = string(frame)
	}
	return list
}

// cookie returns the cookie of a reader that has signed in.
func (s *site) cookie() string {
	s.Helper()
	w := httptest.NewRecorder()
	if err := s.Token.SignIn(w, httptest.NewRequest(http.MethodPost, "/", nil), secret); err != nil {
		s.Fatal(err)
	}
	set := w.Result().Cookies()
	return set[0].Name + "=" + set[0].Value
}
