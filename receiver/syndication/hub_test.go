package syndication

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"sync"
	"testing"
)

// hub is a WebSub hub that follows the W3C Recommendation: it answers 202, then verifies intent, and distributes with a signature.
type hub struct {
	*httptest.Server
	t testing.TB

	mu       sync.Mutex
	lease    int // seconds; 0 grants what is asked for
	method   string
	requests []url.Values
	subs     map[string]url.Values // verified, by callback
	work     sync.WaitGroup
}

func newHub(t testing.TB) *hub {
	h := &hub{t: t, method: "sha256", subs: map[string]url.Values{}}
	h.Server = httptest.NewServer(http.HandlerFunc(h.serve))
	t.Cleanup(func() { h.work.Wait(); h.Close() })
	return h
}

func (h *hub) serve(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil || r.Method != http.MethodPost {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	f := r.PostForm
	for _, field := range []string{"hub.mode", "hub.topic", "hub.callback"} {
		if f.Get(field) == "" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
	}
	if len(f.Get("hub.secret")) >= 200 {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	h.mu.Lock()
	h.requests = append(h.requests, f)
	h.mu.Unlock()
	h.work.Go(func() { h.verify(f) })
	w.WriteHeader(http.StatusAccepted)
}

// verify verifies the intent of a request.
func (h *hub) verify(f url.Values) {
	challenge := rand.Text()
	q := url.Values{"hub.mode": {f.Get("hub.mode")}, "hub.topic": {f.Get("hub.topic")}, "hub.challenge": {challenge}}
	if f.Get("hub.mode") == "subscribe" {
		lease := f.Get("hub.lease_seconds")
		h.mu.Lock()
		if h.lease > 0 {
			lease = strconv.Itoa(h.lease)
		}
		h.mu.Unlock()
		q.Set("hub.lease_seconds", lease)
	}
	status, body := get(h.t, f.Get("hub.callback")+"?"+q.Encode())
	if status/100 != 2 || body != challenge {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if f.Get("hub.mode") == "subscribe" {
		h.subs[f.Get("hub.callback")] = f
	} else {
		delete(h.subs, f.Get("hub.callback"))
	}
}

func get(t testing.TB, link string) (status int, body string) {
	resp, err := http.Get(link)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	return resp.StatusCode, string(data)
}

// subscriptions returns the verified subscriptions, by callback.
func (h *hub) subscriptions() map[string]url.Values {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := map[string]url.Values{}
	for k, v := range h.subs {
		all[k] = v
	}
	return all
}

func (h *hub) asked() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.requests)
}

// publish distributes a document to all subscribers, and returns the statuses.
func (h *hub) publish(kind, document string) (statuses []int) {
	for callback, f := range h.subscriptions() {
		statuses = append(statuses, distribute(h.t, callback, kind, document, h.method+"="+signature(h.method, f.Get("hub.secret"), document), f.Get("hub.topic")))
	}
	return statuses
}

func signature(method, secret, body string) string {
	algorithm := map[string]func() hash.Hash{"sha1": sha1.New, "sha256": sha256.New, "sha384": sha512.New384, "sha512": sha512.New}[method]
	mac := hmac.New(algorithm, []byte(secret))
	mac.Write([]byte(body))
	return hex.EncodeToString(mac.Sum(nil))
}

func distribute(t testing.TB, callback, kind, document, signature, topic string) int {
	req, err := http.NewRequest(http.MethodPost, callback, bytes.NewReader([]byte(document)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", kind)
	req.Header.Set("Link", fmt.Sprintf(`<https://hub.example/>; rel="hub", <%s>; rel="self"`, topic))
	if signature != "" {
		req.Header.Set("X-Hub-Signature", signature)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Error(err)
		return 0
	}
	defer resp.Body.Close()
	return resp.StatusCode
}
