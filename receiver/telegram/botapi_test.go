package telegram

import (
	"encoding/json"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

const testToken = "123456789:AAE-test_token_0123456789abcdefghij"

// botAPI is a double of Telegram's Bot API, as https://core.telegram.org/bots/api describes it: the methods that the receiver calls,
// with their answers and errors.
type botAPI struct {
	*httptest.Server

	mu      sync.Mutex
	calls   []apiCall
	fail    map[string][]apiError // the next answers of a method
	hook    map[string]string     // the parameters of setWebhook
	updates []json.RawMessage     // not confirmed yet
	wake    chan struct{}         // closed when there is something new
	poller  int                   // counts requests for updates: a new one ends the one before
	files   map[string]apiFile    // by file_id
	admins  map[int64][]int64     // of chats
}

type apiCall struct {
	method string
	params map[string]string
}

type apiError struct {
	code, retryAfter int
	description      string
}

type apiFile struct {
	size int64
	path string
	body func(w http.ResponseWriter, r *http.Request)
}

func newBotAPI(tb testing.TB) *botAPI {
	a := &botAPI{fail: map[string][]apiError{}, wake: make(chan struct{}), files: map[string]apiFile{}, admins: map[int64][]int64{}}
	a.Server = httptest.NewServer(http.HandlerFunc(a.serve))
	tb.Cleanup(a.Close)
	return a
}

var apiPaths = regexp.MustCompile(`^/(file/)?bot([^/]+)/(.+)$`)

func (a *botAPI) serve(w http.ResponseWriter, r *http.Request) {
	path := apiPaths.FindStringSubmatch(r.URL.Path)
	switch {
	case path == nil:
		refuse(w, apiError{code: 404, description: "Not Found"})
	case path[2] != testToken:
		refuse(w, apiError{code: 401, description: "Unauthorized"})
	case path[1] != "":
		a.serveFile(w, r, path[3])
	default:
		params, err := apiParams(r)
		if err != nil {
			refuse(w, apiError{code: 400, description: "Bad Request: " + err.Error()})
			return
		}
		a.call(w, r, path[3], params)
	}
}

func refuse(w http.ResponseWriter, e apiError) {
	answer := map[string]any{"ok": false, "error_code": e.code, "description": e.description}
	if e.retryAfter > 0 {
		answer["parameters"] = map[string]any{"retry_after": e.retryAfter}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(e.code)
	_ = json.NewEncoder(w).Encode(answer)
}

func apiParams(r *http.Request) (map[string]string, error) {
	params := map[string]string{}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch kind {
	case "application/json":
		var body map[string]json.RawMessage
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			return nil, err
		}
		for k, v := range body {
			params[k] = strings.Trim(string(v), `"`)
		}
	case "multipart/form-data":
		err := r.ParseMultipartForm(1 << 20)
		if err != nil && !strings.Contains(err.Error(), "EOF") { // a form without fields
			return nil, err
		}
		for k := range r.Form {
			params[k] = r.FormValue(k)
		}
	}
	return params, nil
}

// call answers one method.
func (a *botAPI) call(w http.ResponseWriter, r *http.Request, method string, p map[string]string) {
	a.mu.Lock()
	a.calls = append(a.calls, apiCall{method, p})
	a.changed()
	if list := a.fail[method]; len(list) > 0 {
		a.fail[method] = list[1:]
		a.mu.Unlock()
		refuse(w, list[0])
		return
	}
	a.mu.Unlock()
	var result any
	var bad *apiError
	switch method {
	case "getMe":
		result = map[string]any{"id": 123456789, "is_bot": true, "first_name": "Desk", "username": "DeskBot"}
	case "getUpdates":
		result, bad = a.getUpdates(r, p)
	case "setWebhook":
		result, bad = a.setWebhook(p)
	case "deleteWebhook":
		result = true
		a.mu.Lock()
		a.hook = nil
		a.mu.Unlock()
	case "getWebhookInfo":
		result = a.webhookInfo()
	case "getFile":
		result, bad = a.getFile(p["file_id"])
	case "getChatAdministrators":
		result, bad = a.administrators(p["chat_id"])
	case "sendMessage":
		chat, err := strconv.ParseInt(p["chat_id"], 10, 64)
		if err != nil || p["text"] == "" {
			bad = &apiError{code: 400, description: "Bad Request: message text is empty"}
		}
		result = map[string]any{"message_id": 1, "date": 1, "chat": map[string]any{"id": chat, "type": "supergroup"}, "text": p["text"]}
	default:
		bad = &apiError{code: 404, description: "Not Found: method not found"}
	}
	if bad != nil {
		refuse(w, *bad)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"ok": true, "result": result})
}

// changed wakes those who wait. a.mu is held.
func (a *botAPI) changed() {
	close(a.wake)
	a.wake = make(chan struct{})
}

func (a *botAPI) setWebhook(p map[string]string) (any, *apiError) {
	u, err := url.Parse(p["url"])
	if err != nil || u.Scheme != "https" {
		return nil, &apiError{code: 400, description: "Bad Request: bad webhook: An HTTPS URL must be provided for webhook"}
	}
	if !secrets.MatchString(p["secret_token"]) {
		return nil, &apiError{code: 400, description: "Bad Request: secret token contains unallowed characters"}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.hook = p
	return true, nil
}

func (a *botAPI) webhookInfo() any {
	a.mu.Lock()
	defer a.mu.Unlock()
	info := map[string]any{"url": a.hook["url"], "has_custom_certificate": false, "pending_update_count": len(a.updates)}
	if kinds := a.hook["allowed_updates"]; kinds != "" {
		info["allowed_updates"] = json.RawMessage(kinds)
	}
	return info
}

// getUpdates confirms what is before the offset, and waits for what is after it.
func (a *botAPI) getUpdates(r *http.Request, p map[string]string) (any, *apiError) {
	offset, _ := strconv.ParseInt(p["offset"], 10, 64)
	seconds, _ := strconv.Atoi(p["timeout"])
	limit, _ := strconv.Atoi(p["limit"])
	late := time.After(time.Duration(seconds) * time.Second)
	a.mu.Lock()
	a.poller++
	mine := a.poller
	a.changed()
	a.mu.Unlock()
	for {
		a.mu.Lock()
		wake := a.wake
		if a.hook != nil {
			a.mu.Unlock()
			return nil, &apiError{code: 409, description: "Conflict: can't use getUpdates method while webhook is active; " +
				"use deleteWebhook to delete the webhook first"}
		}
		if a.poller != mine {
			a.mu.Unlock()
			return nil, &apiError{code: 409, description: "Conflict: terminated by other getUpdates request; " +
				"make sure that only one bot instance is running"}
		}
		if n := len(a.updates); n > 0 && offset > updateID(a.updates[n-1])+10 {
			offset = 0 // in the future: Telegram begins with the oldest
		}
		a.updates = slices.DeleteFunc(a.updates, func(u json.RawMessage) bool { return updateID(u) < offset })
		list := slices.Clone(a.updates[:min(len(a.updates), limit)])
		a.mu.Unlock()
		if len(list) > 0 {
			return list, nil
		}
		select {
		case <-wake:
		case <-late:
			return []any{}, nil
		case <-r.Context().Done():
			return []any{}, nil
		}
	}
}

func updateID(u json.RawMessage) int64 {
	var id struct {
		ID int64 `json:"update_id"`
	}
	_ = json.Unmarshal(u, &id)
	return id.ID
}

func (a *botAPI) getFile(id string) (any, *apiError) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f, ok := a.files[id]
	switch {
	case !ok:
		return nil, &apiError{code: 400, description: "Bad Request: invalid file_id"}
	case f.size > MaxFile:
		return nil, &apiError{code: 400, description: "Bad Request: file is too big"}
	}
	return map[string]any{"file_id": id, "file_unique_id": "u" + id, "file_size": f.size, "file_path": f.path}, nil
}

func (a *botAPI) serveFile(w http.ResponseWriter, r *http.Request, path string) {
	a.mu.Lock()
	a.calls = append(a.calls, apiCall{"file", map[string]string{"path": path}})
	a.changed()
	var found *apiFile
	for f := range maps.Values(a.files) {
		if f.path == path {
			found = &f
		}
	}
	a.mu.Unlock()
	if found == nil {
		refuse(w, apiError{code: 404, description: "Not Found"})
		return
	}
	found.body(w, r)
}

func (a *botAPI) administrators(chat string) (any, *apiError) {
	id, err := strconv.ParseInt(chat, 10, 64)
	a.mu.Lock()
	defer a.mu.Unlock()
	ids, ok := a.admins[id]
	switch {
	case err != nil || !ok:
		return nil, &apiError{code: 400, description: "Bad Request: chat not found"}
	case id > 0:
		return nil, &apiError{code: 400, description: "Bad Request: there are no administrators in the private chat"}
	}
	list := []any{}
	for i, user := range ids {
		status := "administrator"
		if i == 0 {
			status = "creator"
		}
		list = append(list, map[string]any{"status": status, "is_anonymous": false,
			"user": map[string]any{"id": user, "is_bot": false, "first_name": fmt.Sprint("Admin", i)}})
	}
	return list, nil
}

// push adds updates that wait for getUpdates.
func (a *botAPI) push(updates ...string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, u := range updates {
		a.updates = append(a.updates, json.RawMessage(u))
	}
	a.changed()
}

// keep makes a file of these bytes.
func (a *botAPI) keep(id string, data []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.files[id] = apiFile{size: int64(len(data)), path: "photos/" + id + ".jpg",
		body: func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(data) }}
}

// failNext sets the next answers of a method.
func (a *botAPI) failNext(method string, errors ...apiError) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.fail[method] = append(a.fail[method], errors...)
}

// of returns the calls of a method.
func (a *botAPI) of(method string) []apiCall {
	a.mu.Lock()
	defer a.mu.Unlock()
	var list []apiCall
	for _, c := range a.calls {
		if c.method == method {
			list = append(list, c)
		}
	}
	return list
}

// wait waits until the receiver has called a method n times.
func (a *botAPI) wait(tb testing.TB, method string, n int) []apiCall {
	tb.Helper()
	var list []apiCall
	a.until(tb, fmt.Sprintf("%d calls of %s", n, method), func() bool { list = a.of(method); return len(list) >= n })
	return list
}

// until waits until done returns true. It asks after each call of the API, and some times a second.
func (a *botAPI) until(tb testing.TB, what string, done func() bool) {
	tb.Helper()
	late := time.After(2 * time.Minute)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		a.mu.Lock()
		wake := a.wake
		a.mu.Unlock()
		if done() {
			return
		}
		select {
		case <-wake:
		case <-tick.C:
		case <-late:
			tb.Fatalf("waiting for %s", what)
		}
	}
}
