package route

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/motacilla-live/motacilla"
)

func ask(addr string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.RemoteAddr = netip.AddrPortFrom(netip.MustParseAddr(addr), 4711).String()
	return r
}

// many returns the i-th of many addresses, each in a /64 of its own.
func many(i int) netip.Addr {
	b := [16]byte{0x20, 0x01, 0x0d, 0xb8}
	binary.BigEndian.PutUint32(b[4:], uint32(i))
	return netip.AddrFrom16(b)
}

// burst returns how many requests of addr are allowed at once.
func (l *RateLimit) burstOf(addr string) (n int) {
	for l.Allow(ask(addr)) == nil {
		n++
	}
	return n
}

func TestRateLimitEvery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewRateLimit(0, &RateLimitOptions{Every: 6 * time.Second, Burst: 10})
		if n := l.burstOf("192.0.2.1"); n != 10 {
			t.Errorf("%d at once, want 10", n)
		}
		err := l.Allow(ask("192.0.2.1"))
		if retry := (*motacilla.RetryError)(nil); !errors.As(err, &retry) || retry.After < 5*time.Second || retry.After > 6*time.Second+rateJitter {
			t.Errorf("the limit is reached: %+v", err)
		}
		for range 20 { // over several generations of the table
			time.Sleep(12 * time.Second)
			if n := l.burstOf("192.0.2.1"); n != 2 {
				t.Fatalf("%d after 12 seconds, want 2", n)
			}
		}
	})
}

func TestRateLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewRateLimit(10, nil)
		for _, addr := range []string{"192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8:0:1::1"} {
			if n := l.burstOf(addr); n != 50 {
				t.Errorf("%s: %d at once, want 50", addr, n)
			}
		}
		if err := l.Allow(ask("2001:db8::2")); !errors.Is(err, motacilla.ErrTooMany) {
			t.Errorf("another address of the same /64: %v", err)
		}
		time.Sleep(time.Second)
		if n := l.burstOf("192.0.2.1"); n != 10 {
			t.Errorf("%d after a second, want 10", n)
		}
		for range 100 { // over many generations of the table
			time.Sleep(time.Second)
			if n := l.burstOf("192.0.2.1"); n != 10 {
				t.Fatalf("%d in a second, want 10", n)
			}
		}
		time.Sleep(time.Minute)
		if n := l.burstOf("192.0.2.1"); n != 50 {
			t.Errorf("%d after a pause, want 50", n)
		}
		if n := NewRateLimit(1, nil).burstOf("192.0.2.1"); n != 20 {
			t.Errorf("%d at once of one a second, want 20", n)
		}
	})
}

func TestRateLimitAnswer(t *testing.T) {
	proxies, err := ParseProxies([]string{"10.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	served := 0
	l := NewRateLimit(1, &RateLimitOptions{Burst: 1, Address: proxies.ClientAddr})
	now := time.Now()
	l.now = func() time.Time { return now }
	h := l.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { served++ }))
	for _, tt := range []struct {
		peer, forwarded string
		status          int
	}{
		{"10.0.0.1", "192.0.2.1", 200},
		{"10.0.0.1", "192.0.2.2", 200},
		{"10.0.0.1", "203.0.113.9, 192.0.2.1", 429},
		{"198.51.100.1", "203.0.113.1", 200},
		{"198.51.100.1", "203.0.113.2", 429}, // it is no proxy
		{"10.0.0.1", "", 200},                // the proxy's own
		{"10.0.0.1", "", 429},
	} {
		r, w := ask(tt.peer), httptest.NewRecorder()
		if tt.forwarded != "" {
			r.Header.Set("X-Forwarded-For", tt.forwarded)
		}
		h.ServeHTTP(w, r)
		if w.Code != tt.status {
			t.Errorf("%s through %s: %d, want %d", tt.forwarded, tt.peer, w.Code, tt.status)
		}
		if w.Code != http.StatusTooManyRequests {
			continue
		}
		var p Problem
		seconds, err := strconv.Atoi(w.Header().Get("Retry-After"))
		if err != nil || seconds < 1 || seconds > 5 || json.Unmarshal(w.Body.Bytes(), &p) != nil ||
			p.Status != 429 || w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%v %s", w.Header(), w.Body)
		}
	}
	if address, shared := l.Refused(); served != 4 || address != 3 || shared != 0 {
		t.Errorf("%d served, %d and %d refused", served, address, shared)
	}
	unknown := ask("192.0.2.1")
	unknown.RemoteAddr = "@"
	for range 10 {
		if err := l.Allow(unknown); err != nil {
			t.Errorf("an unknown address: %v", err)
		}
	}
}

// Whoever has many addresses neither fills the memory nor gets as many limits.
func TestRateLimitIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most = 1000
		var addr netip.Addr
		l := NewRateLimit(10, &RateLimitOptions{Addresses: most, Address: func(*http.Request) netip.Addr { return addr }})
		old := netip.MustParseAddr("192.0.2.1")
		addr = old
		if err := l.Allow(nil); err != nil {
			t.Fatal(err)
		}
		let := 0
		for i := range 100_000 {
			addr = many(i)
			if l.Allow(nil) == nil {
				let++
			}
			if i%2000 == 0 { // 50 over the whole
				time.Sleep(100 * time.Millisecond)
				addr = old
				if err := l.Allow(nil); err != nil {
					t.Fatalf("an address that was known before is refused: %v", err)
				}
			}
			if n := len(l.recent) + len(l.older); n > most {
				t.Fatalf("%d addresses are kept", n)
			}
		}
		// 999 of their own, one bucket's 50 and 10 a second of 5 s; half of the table is free again after 5 s.
		if let > 2*most+200 {
			t.Errorf("%d of 100,000 were allowed", let)
		}
		if _, shared := l.Refused(); shared == 0 {
			t.Error("none was refused by a limit that it shared")
		}
		others := 0 // a network may share the crowd's bucket by chance, but not all do
		for i := range 16 {
			addr = netip.AddrFrom16([16]byte{0x20, 0x02, 0x0d, byte(i)})
			if l.Allow(nil) == nil {
				others++
			}
		}
		if others == 0 {
			t.Error("addresses of other networks are refused")
		}
		time.Sleep(time.Minute)
		addr = old
		_ = l.Allow(nil)
		if n := len(l.recent) + len(l.older); n != 1 {
			t.Errorf("%d addresses are kept after a pause, want 1", n)
		}
	})
}

func TestRateLimitMemory(t *testing.T) {
	var addr netip.Addr
	l := NewRateLimit(10, &RateLimitOptions{Address: func(*http.Request) netip.Addr { return addr }})
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range 1_000_000 {
		addr = many(i)
		_ = l.Allow(nil)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 12<<20 {
		t.Errorf("a million addresses cost %d bytes", grown)
	} else {
		t.Logf("a million addresses cost %d bytes", grown)
	}
	runtime.KeepAlive(l)
}

func TestRateLimitRace(t *testing.T) {
	l := NewRateLimit(1, &RateLimitOptions{Burst: 100, Addresses: 8})
	now := time.Now()
	l.now = func() time.Time { return now }
	var let [4]atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for i := range 1000 {
				if l.Allow(ask(fmt.Sprintf("192.0.2.%d", i%4))) == nil {
					let[i%4].Add(1)
				}
			}
		})
	}
	all.Wait()
	for i := range let {
		if n := let[i].Load(); n != 100 {
			t.Errorf("%d requests of an address were allowed, want 100", n)
		}
	}
}

// A free request takes nothing. Its repeats do.
func TestRateLimitOfFreeRequests(t *testing.T) {
	l := NewRateLimit(1, &RateLimitOptions{Burst: 3, Free: func(*http.Request) bool { return true }})
	now := time.Now()
	l.now = func() time.Time { return now }
	var may func() bool
	h := l.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { may = Repeats(r) }))
	for range 5 {
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, ask("192.0.2.1")); w.Code != http.StatusOK {
			t.Errorf("a free request was answered with %d", w.Code)
		}
	}
	for i := range 4 {
		if ok := may(); ok != (i < 3) {
			t.Errorf("repeat %d: %t", i, ok)
		}
	}
}

// A request that is answered without the handler counts too.
func TestRateLimitCountsRepeats(t *testing.T) {
	l := NewRateLimit(1, &RateLimitOptions{Burst: 3})
	now := time.Now()
	l.now = func() time.Time { return now }
	var may func() bool
	mux := http.NewServeMux()
	mux.HandleFunc("/{id}", func(_ http.ResponseWriter, r *http.Request) { may = Repeats(r) })
	r := ask("192.0.2.1")
	r.URL.Path = "/x"
	l.Handler(mux).ServeHTTP(httptest.NewRecorder(), r)
	if r.Pattern != "/{id}" {
		t.Errorf("the pattern is lost: %q", r.Pattern)
	}
	for i := range 3 {
		if ok := may(); ok != (i < 2) {
			t.Errorf("repeat %d: %t", i, ok)
		}
	}
	if err := l.Allow(r); !errors.Is(err, motacilla.ErrTooMany) {
		t.Errorf("after the repeats: %v", err)
	}
	now = now.Add(time.Minute)
	if !may() {
		t.Error("refused after a pause")
	}
}
