package jwt

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	gojwt "github.com/golang-jwt/jwt/v5"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/outbound"
	"github.com/motacilla-live/motacilla/outbound/outboundtest"
	"go.uber.org/zap"
	"golang.org/x/net/dns/dnsmessage"
)

// inside returns https URLs that lead inside, such as to the private server.
func inside(p *outboundtest.Private) (list []string) {
	for _, a := range p.Addresses() {
		if rest, is := strings.CutPrefix(a, "http://"); is {
			a = "https://" + rest
		}
		list = append(list, a+"/")
	}
	return list
}

// A set of keys that points inside is not fetched, whether its URL does or a redirect.
func TestKeysInside(t *testing.T) {
	private := outboundtest.NewPrivate(t)
	p := serveKeys(t, nil)
	token := signed(gojwt.SigningMethodRS256, issuerKeys().rsa, map[string]any{"kid": "rsa"}, claims(nil))
	refuses := func(url string) {
		t.Helper()
		a, err := New(newKit(t, p.client), &Options{Audience: []string{"live"}, Issuer: "https://app.example.org", JWKS: url})
		if errors.Is(err, motacilla.ErrInvalid) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = a.Shutdown(t.Context()) }()
		a.set.wait = time.Hour
		_ = a.Start(t.Context())
		if s, err := a.Authenticate(t.Context(), bearer(token)); s != nil || !errors.Is(err, motacilla.ErrUnavailable) || !errors.Is(err, outbound.ErrRefused) {
			t.Errorf("%s: %+v, %v", url, s, err)
		}
	}
	for _, url := range inside(private) {
		refuses(url)
		p.answers(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", url)
			w.WriteHeader(http.StatusFound)
		})
		refuses(p.URL)
	}
	private.Untouched(t)
}

// names is a DNS server within the process, which has one address for all names.
type names struct {
	mu      sync.Mutex
	address netip.Addr
	all     sync.WaitGroup
}

func (n *names) point(to string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.address = netip.MustParseAddr(to)
}

func (n *names) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		n.all.Go(func() {
			defer server.Close()
			n.answer(server)
		})
		return client, nil
	}}
}

// answer answers one question as DNS over TCP has it (RFC 1035, section 4.2.2).
func (n *names) answer(conn net.Conn) {
	var size [2]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return
	}
	raw := make([]byte, binary.BigEndian.Uint16(size[:]))
	var m dnsmessage.Message
	if _, err := io.ReadFull(conn, raw); err != nil || m.Unpack(raw) != nil || len(m.Questions) != 1 {
		return
	}
	m.Response, m.Authoritative, m.Additionals = true, true, nil
	if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
		n.mu.Lock()
		m.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class}, Body: &dnsmessage.AResource{A: n.address.As4()},
		}}
		n.mu.Unlock()
	}
	packed, err := m.AppendPack([]byte{0, 0})
	if err != nil {
		return
	}
	binary.BigEndian.PutUint16(packed, uint16(len(packed)-2))
	_, _ = conn.Write(packed)
}

// A host that has a public address at the first call, and one inside at the next, is called no more.
func TestKeysRebound(t *testing.T) {
	p := serveKeys(t, issuerKeys().jwks(""))
	dns := &names{}
	t.Cleanup(dns.all.Wait)
	client := clientOf(t, p.Server, outbound.Options{Resolver: dns.resolver()})
	_, port, _ := net.SplitHostPort(p.Listener.Addr().String())
	at := &clock{now: p.Certificate().NotBefore}
	s := newKeySet("https://example.com:"+port+"/", client, zap.NewNop()) // a name of the certificate
	s.now, s.wait = at.time, time.Hour
	t.Cleanup(s.close)
	dns.point("127.0.0.1")
	if _, err := s.find(t.Context(), rsaKey); err != nil {
		t.Fatal(err)
	}
	dns.point("127.0.0.2")
	client.Close() // otherwise the next call has the connection of the first
	at.move(betweenAsks)
	_, err := s.find(t.Context(), keyName{"new", rs256})
	if !errors.Is(err, motacilla.ErrUnavailable) || !errors.Is(err, outbound.ErrRefused) || p.calls.Load() != 1 {
		t.Errorf("%v after %d calls", err, p.calls.Load())
	}
	if _, err := s.find(t.Context(), rsaKey); err != nil {
		t.Errorf("the keys of before: %v", err)
	}
}
