package oidc

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/motacilla-live/motacilla/outbound"
	"golang.org/x/time/rate"
)

const mostAnswer = 1 << 20 // bytes of an answer of the server

// callTime is for a call. Tests have more.
var callTime = 10 * time.Second

// errRedirect refuses redirects: they could take a code or the client's secret to another place.
var errRedirect = errors.New("it redirects, which it must not")

// newHTTP returns a client that calls only what client may call.
func newHTTP(client *outbound.Client) *http.Client {
	o := client.Options()
	o.Most, o.Timeout, o.Longest = mostAnswer, min(o.Timeout, callTime), callTime
	return httpClient(explained{outbound.New(&o).HTTP().Transport})
}

func httpClient(t http.RoundTripper) *http.Client {
	return &http.Client{
		Transport: t, Timeout: callTime,
		CheckRedirect: func(*http.Request, []*http.Request) error { return errRedirect },
	}
}

// explained says what to do if the server is on a private network.
type explained struct{ http.RoundTripper }

func (e explained) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := e.RoundTripper.RoundTrip(r)
	if errors.Is(err, outbound.ErrRefused) {
		err = fmt.Errorf("%w; if %s is a server of yours, its network must be in outbound.allow", err, r.URL.Hostname())
	}
	return answer, err
}

// limited calls the server only so often. It is for keys that anybody can make this site look for.
type limited struct {
	http.RoundTripper
	limit *rate.Limiter
}

func (l limited) RoundTrip(r *http.Request) (*http.Response, error) {
	if !l.limit.Allow() {
		return nil, errors.New("the server's keys were read a moment ago")
	}
	return l.RoundTripper.RoundTrip(r)
}
