package hubs_test

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/publisher/publishertest"
)

// lossy is a proxy between a relay and its hub. Of the pushes, it loses some, doubles some, and has others come late, out of order.
type lossy struct {
	*httptest.Server
	hub    *url.URL
	client *http.Client
	rate   float64 // of each of the three
	faults atomic.Int64
	late   sync.WaitGroup
}

func newLossy(t *testing.T, hub string, rate float64) *lossy {
	t.Helper()
	u, err := url.Parse(hub)
	if err != nil {
		t.Fatal(err)
	}
	p := &lossy{hub: u, client: &http.Client{Transport: &http.Transport{}, Timeout: publishertest.Patience}, rate: rate}
	p.Server = httptest.NewServer(p)
	t.Cleanup(func() {
		p.Close()
		p.late.Wait()
		p.client.CloseIdleConnections()
	})
	return p
}

// ServeHTTP implements http.Handler.
func (p *lossy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	n := rand.Float64()
	if n < 3*p.rate {
		p.faults.Add(1)
	}
	switch {
	case n < p.rate: // lost
		_, _ = io.WriteString(w, `{"result":{}}`)
	case n < 2*p.rate: // late
		p.late.Go(func() {
			time.Sleep(rand.N(200 * time.Millisecond))
			_, _, _ = p.push(context.Background(), r, body)
		})
		_, _ = io.WriteString(w, `{"result":{}}`)
	default:
		if n < 3*p.rate { // doubled
			_, _, _ = p.push(r.Context(), r, body)
		}
		status, answer, err := p.push(r.Context(), r, body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(status)
		_, _ = w.Write(answer)
	}
}

func (p *lossy) push(ctx context.Context, r *http.Request, body []byte) (status int, answer []byte, err error) {
	u := *r.URL
	u.Scheme, u.Host = p.hub.Scheme, p.hub.Host
	req, err := http.NewRequestWithContext(ctx, r.Method, u.String(), bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header = r.Header.Clone()
	resp, err := p.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(resp.Body)
	return resp.StatusCode, answer, err
}
