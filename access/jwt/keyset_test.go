package jwt

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
)

var rsaKey = keyName{"rsa", rs256}

func TestSetIsFetchedAtStart(t *testing.T) {
	p := serveKeys(t, issuerKeys().jwks(""))
	s, _ := p.set(t)
	s.start()
	for name, known := range map[keyName]bool{
		rsaKey: true, {"ec", es256}: true, {"ed", eddsa}: true, {"", rs256}: true,
		{"rsa", es256}: false, {"ec", rs256}: false, {"other", rs256}: false, {"", hs256}: false,
	} {
		found, err := s.find(t.Context(), name)
		if known != (found != nil) || known != (err == nil) || err != nil && !errors.Is(err, motacilla.ErrUnauthorized) {
			t.Errorf("%v: %v, %v", name, found, err)
		}
	}
	if n := p.calls.Load(); n != 1 {
		t.Errorf("%d calls", n)
	}
}

// Whatever tokens name, the issuer is called once in betweenAsks, and all who wait share that call.
func TestUnknownKeys(t *testing.T) {
	p := serveKeys(t, issuerKeys().jwks(""))
	s, clock := p.set(t)
	for round := range 3 {
		var all sync.WaitGroup
		for i := range 50 {
			all.Go(func() {
				if found, err := s.find(t.Context(), keyName{fmt.Sprint("unknown ", i), rs256}); found != nil || !errors.Is(err, motacilla.ErrUnauthorized) {
					t.Errorf("%v, %v", found, err)
				}
			})
		}
		all.Wait()
		if n := p.calls.Load(); n != int64(round+1) {
			t.Errorf("round %d: %d calls", round, n)
		}
		clock.move(betweenAsks - time.Millisecond)
		if _, err := s.find(t.Context(), keyName{"unknown", rs256}); err == nil || p.calls.Load() != int64(round+1) {
			t.Errorf("round %d: %v, %d calls, a moment too early", round, err, p.calls.Load())
		}
		clock.move(time.Millisecond)
	}
}

// A new key is taken with the first token that names it. A key that vanishes counts no longer.
func TestRotation(t *testing.T) {
	p := serveKeys(t, issuerKeys().jwks(""))
	s, clock := p.set(t)
	if _, err := s.find(t.Context(), rsaKey); err != nil {
		t.Fatal(err)
	}
	p.publish(append(issuerKeys().jwks(""), attackerKeys().jwks("2")...))
	clock.move(betweenAsks)
	if _, err := s.find(t.Context(), keyName{"rsa2", rs256}); err != nil {
		t.Errorf("a new key: %v", err)
	}
	if _, err := s.find(t.Context(), keyName{"", rs256}); !errors.Is(err, motacilla.ErrUnauthorized) {
		t.Errorf("no key is named, and there are two: %v", err)
	}
	p.publish(attackerKeys().jwks("2"))
	if _, err := s.find(t.Context(), rsaKey); err != nil {
		t.Errorf("a key that is still fresh: %v", err)
	}
	clock.move(10 * time.Minute)
	if _, err := s.find(t.Context(), rsaKey); !errors.Is(err, motacilla.ErrUnauthorized) {
		t.Errorf("a key that has vanished: %v", err)
	}
	p.publish([]map[string]any{})
	clock.move(10 * time.Minute)
	if _, err := s.find(t.Context(), keyName{"rsa2", rs256}); !errors.Is(err, motacilla.ErrUnauthorized) {
		t.Errorf("no keys: %v", err)
	}
}

// While the issuer is away, the last keys count for a day, and nobody waits for it.
func TestOutage(t *testing.T) {
	p := serveKeys(t, issuerKeys().jwks(""))
	s, clock := p.set(t)
	if _, err := s.find(t.Context(), rsaKey); err != nil {
		t.Fatal(err)
	}
	p.fails()
	clock.move(10 * time.Minute)
	if _, err := s.find(t.Context(), rsaKey); err != nil {
		t.Errorf("the first failure: %v", err)
	}
	release := p.hangs()
	defer release()
	clock.move(betweenAsks)
	if _, err := s.find(t.Context(), rsaKey); err != nil {
		t.Errorf("the issuer hangs: %v", err)
	}
	if found, pending, _ := s.look(rsaKey); found == nil || pending != nil {
		t.Error("a token that is known by the last keys waits for the issuer")
	}
	_, pending, _ := s.look(keyName{"unknown", rs256})
	if pending == nil {
		t.Error("nothing calls the issuer")
	}
	clock.move(betweenAsks)
	if _, again, _ := s.look(keyName{"unknown", rs256}); again != pending {
		t.Error("the issuer is called while it is called")
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.find(ended, keyName{"unknown", rs256}); !errors.Is(err, motacilla.ErrUnavailable) {
		t.Errorf("a key that may be new: %v", err)
	}
	release()
	s.settled()
	clock.move(outage)
	if _, err := s.find(t.Context(), rsaKey); !errors.Is(err, motacilla.ErrUnavailable) {
		t.Errorf("after a day: %v", err)
	}
	p.publish(issuerKeys().jwks(""))
	clock.move(betweenAsks)
	if _, err := s.find(t.Context(), rsaKey); err != nil {
		t.Errorf("the issuer is back: %v", err)
	}
}

// Without keys nobody can be told to be wrong.
func TestNoKeysYet(t *testing.T) {
	p := serveKeys(t, nil)
	for name, answer := range map[string]http.HandlerFunc{
		"an error": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) },
		"a page":   func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
		"no keys":  func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{}`)) },
		"too many keys": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(setOf(make([]map[string]any, mostInSet+1)))
		},
		"too many bytes": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(setOf([]map[string]any{{"kty": strings.Repeat("a", mostSet)}}))
		},
		"a redirect without TLS": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://"+r.Host+"/", http.StatusFound)
		},
		"a redirect to itself": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", http.StatusFound) },
	} {
		t.Run(name, func(t *testing.T) {
			p.answers(answer)
			s, clock := p.set(t)
			for range 2 {
				if found, err := s.find(t.Context(), rsaKey); found != nil || !errors.Is(err, motacilla.ErrUnavailable) {
					t.Errorf("%v, %v", found, err)
				}
			}
			p.publish(issuerKeys().jwks(""))
			clock.move(betweenAsks)
			if _, err := s.find(t.Context(), rsaKey); err != nil {
				t.Errorf("the next call: %v", err)
			}
		})
	}
}

// A request does not wait for an issuer that hangs, beyond its patience.
func TestPatience(t *testing.T) {
	p := serveKeys(t, nil)
	defer p.hangs()()
	s, _ := p.set(t)
	s.wait = 0
	if found, err := s.find(t.Context(), rsaKey); found != nil || !errors.Is(err, motacilla.ErrUnavailable) {
		t.Errorf("%v, %v", found, err)
	}
}

// What a set began ends with it, also if the issuer does not answer.
func TestSetEnds(t *testing.T) {
	p := serveKeys(t, nil)
	reached := make(chan struct{})
	p.answers(func(_ http.ResponseWriter, r *http.Request) {
		close(reached)
		<-r.Context().Done()
	})
	s, clock := p.set(t)
	s.start()
	<-reached
	s.close()
	clock.move(betweenAsks)
	if found, pending, err := s.look(rsaKey); found != nil || pending != nil || !errors.Is(err, motacilla.ErrUnavailable) {
		t.Errorf("after the end: %v, %v, %v", found, pending, err)
	}
}

func TestFreshness(t *testing.T) {
	for given, want := range map[string]time.Duration{
		"": usualFresh, "max-age=600": 10 * time.Minute, "public,  MAX-AGE=600 , must-revalidate": 10 * time.Minute, `max-age="600"`: 10 * time.Minute,
		"max-age=0": leastFresh, "max-age=31536000": mostFresh, "max-age=-1": usualFresh, "max-age=99999999999999": usualFresh,
		"no-store, max-age=600": leastFresh, "max-age=600, no-cache": leastFresh, "s-maxage=600": usualFresh,
	} {
		if got := freshness(http.Header{"Cache-Control": {given}}); got != want {
			t.Errorf("%q is fresh for %v, want %v", given, got, want)
		}
	}
}
