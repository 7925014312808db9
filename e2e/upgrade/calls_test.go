//go:build linux

package upgrade

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"testing"
)

// fresh opens a connection for each request, and does not follow redirects.
var fresh = &http.Client{
	Timeout:       patience,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	Transport:     &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}},
}

// must makes a request that has to be answered with a status.
func (s *server) must(method, path string, body []byte, want int, out any) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	(&sending{kind: "application/json"}).header(r)
	status, answer, err := do(fresh, r)
	if err == nil && out != nil {
		err = json.Unmarshal(answer, out)
	}
	if err != nil || status != want {
		s.t.Fatalf("%s %s: %d %s, %v; expected %d", method, path, status, answer, err, want)
	}
}

func do(by *http.Client, r *http.Request) (status int, answer []byte, err error) {
	resp, err := by.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err = io.ReadAll(resp.Body)
	return resp.StatusCode, answer, err
}

// at returns a client of a Unix socket, whatever the host of a URL is. It opens a connection for each request.
func at(path string) *http.Client {
	return &http.Client{Timeout: patience, CheckRedirect: fresh.CheckRedirect, Transport: &http.Transport{
		DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", path)
		},
	}}
}

// ask makes a request that must be answered with a status, and returns the body.
func ask(t *testing.T, by *http.Client, url string, want int) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	status, answer, err := do(by, r)
	if err != nil || status != want {
		t.Errorf("GET %s: %d, %v; expected %d", url, status, err, want)
	}
	return string(answer)
}
