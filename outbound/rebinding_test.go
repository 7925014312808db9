package outbound

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// names is a DNS server within the process. Each question for an IPv4 address gets the next of its answers.
type names struct {
	mu      sync.Mutex
	answers [][]netip.Addr
	asked   int
	all     sync.WaitGroup
}

func (n *names) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		n.all.Go(func() { defer server.Close(); n.answer(server) })
		return client, nil
	}}
}

// answer answers one question as DNS over TCP has it (RFC 1035, 4.2.2).
func (n *names) answer(conn net.Conn) {
	var size [2]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return
	}
	raw := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(conn, raw); err != nil {
		return
	}
	var m dnsmessage.Message
	if m.Unpack(raw) != nil || len(m.Questions) != 1 {
		return
	}
	m.Response, m.Authoritative, m.Additionals = true, true, nil
	if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
		for _, a := range n.next() {
			m.Answers = append(m.Answers, dnsmessage.Resource{
				Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, TTL: 0}, Body: &dnsmessage.AResource{A: a.As4()},
			})
		}
	}
	packed, err := m.AppendPack([]byte{0, 0})
	if err != nil {
		return
	}
	binary.BigEndian.PutUint16(packed, uint16(len(packed)-2))
	_, _ = conn.Write(packed)
}

func (n *names) next() []netip.Addr {
	n.mu.Lock()
	defer n.mu.Unlock()
	answer := n.answers[min(n.asked, len(n.answers)-1)]
	n.asked++
	return answer
}

// TestRebinding has a name that resolves to a permitted address, 127.0.0.1, and to one that is not, 127.0.0.2. A server listens
// on each, at the same port.
func TestRebinding(t *testing.T) {
	good, goodHits := serve(t, text)
	_, port, _ := net.SplitHostPort(good.Listener.Addr().String())
	second, err := net.Listen("tcp", "127.0.0.2:"+port)
	if err != nil {
		t.Skip("127.0.0.2 is not an address of this machine: ", err)
	}
	bad := httptest.NewUnstartedServer(good.Config.Handler)
	bad.Listener.Close()
	bad.Listener = second
	var reached atomic.Bool
	bad.Config.ConnContext = func(ctx context.Context, _ net.Conn) context.Context { reached.Store(true); return ctx }
	bad.Start()
	t.Cleanup(bad.Close)

	permitted, private := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.2")
	for _, c := range []struct {
		name    string
		answers [][]netip.Addr
		calls   []bool // whether each call succeeds
	}{
		{"it changes to a private address", [][]netip.Addr{{permitted}, {private}}, []bool{true, false}},
		{"it changes back", [][]netip.Addr{{private}, {permitted}}, []bool{false, true}},
		{"it has both", [][]netip.Addr{{private, permitted}, {permitted, private}}, []bool{true, true}},
		{"it has only the private one", [][]netip.Addr{{private}}, []bool{false, false}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dns := &names{answers: c.answers}
			client := newClient(t, Options{Allow: loopback, Resolver: dns.resolver()})
			t.Cleanup(dns.all.Wait)
			for i, ok := range c.calls {
				goodHits.Store(0)
				_, err := client.Get(t.Context(), "http://rebind.example.:"+port+"/", 100)
				client.Close() // otherwise the second call has the connection of the first
				if ok != (err == nil) || !ok && !errors.Is(err, ErrRefused) {
					t.Errorf("call %d: %v", i, err)
				}
				if ok && goodHits.Load() != 1 {
					t.Errorf("call %d did not reach the permitted address", i)
				}
			}
		})
	}
	bad.Close()
	if reached.Load() {
		t.Error("the private address was reached")
	}
}
