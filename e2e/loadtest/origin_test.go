//go:build linux

package loadtest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// origin stands between a cache and the program, and counts what reaches the program.
type origin struct {
	addr string

	mu    sync.Mutex
	asked map[string]int // by path and query
	held  int            // requests that are under way
	most  int            // of them at a time
}

// watch starts an origin in front of the program. It counts the requests whose path begins with prefix.
func watch(t *testing.T, p *program, prefix string) *origin {
	t.Helper()
	o := &origin{asked: make(map[string]int)}
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: p.addr})
	proxy.Transport = &http.Transport{MaxIdleConnsPerHost: 1000}
	proxy.FlushInterval = -1
	proxy.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) }
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, prefix) {
			o.enter(r.URL.RequestURI())
			defer o.leave()
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
		proxy.Transport.(*http.Transport).CloseIdleConnections()
	})
	o.addr = strings.TrimPrefix(server.URL, "http://")
	return o
}

func (o *origin) enter(target string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.asked[target]++
	o.held++
	o.most = max(o.most, o.held)
}

func (o *origin) leave() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.held--
}

// count returns how many requests there were so far, and for how many URLs.
func (o *origin) count() (requests, urls int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, n := range o.asked {
		requests += n
	}
	return requests, len(o.asked)
}

// often returns the URLs that were asked for more than n times.
func (o *origin) often(n int) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var list []string
	for target, times := range o.asked {
		if times > n {
			list = append(list, fmt.Sprintf("%s: %d", target, times))
		}
	}
	return strings.Join(list, "\n")
}
