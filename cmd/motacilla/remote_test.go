package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/client"
)

// Each status that a server answers has its exit code.
func TestExitCodes(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, tt := range []struct {
		status  int
		problem bool
		code    int
	}{
		{200, false, exitFailure}, // not as Motacilla does
		{400, true, exitFailure}, {401, true, exitNotAllowed}, {403, true, exitNotAllowed}, {404, true, exitNotFound},
		{404, false, exitFailure}, // the wrong server
		{410, true, exitNotFound}, {409, true, exitFailure}, {413, false, exitFailure}, {429, true, exitUnavailable},
		{500, true, exitFailure}, {502, false, exitUnavailable}, {503, true, exitUnavailable}, {504, false, exitUnavailable},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if tt.problem {
				w.Header().Set("Content-Type", "application/problem+json")
			}
			w.WriteHeader(tt.status)
			if tt.problem {
				fmt.Fprintf(w, `{"title":"T","detail":"D","status":%d}`, tt.status)
			} else {
				fmt.Fprint(w, "<html>")
			}
		}))
		for _, line := range []string{"channel show c", "post add c text", "post pin c 01a20ada-91a0-7cc4-8e21-5b1c8ff0d8a3"} {
			code, out, errs := call(append(strings.Fields(line), "--server", server.URL)...)
			if code != tt.code || out != "" || !strings.HasPrefix(errs, "motacilla: ") || strings.Contains(errs, "--help") {
				t.Errorf("%s at %d, problem %v = %d, %s%s; want %d", line, tt.status, tt.problem, code, out, errs, tt.code)
			}
		}
		server.Close()
	}
}

// A command whose answer is lost, or comes from a proxy whose server restarts, asks again, and writes once.
func TestAsksAgain(t *testing.T) {
	t.Chdir(t.TempDir())
	base, store := serveStore(t)
	target, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	behind := httputil.NewSingleHostReverseProxy(target)
	var requests atomic.Int64
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch requests.Add(1) % 3 {
		case 1:
			http.Error(w, "bad gateway", http.StatusBadGateway)
		case 2:
			behind.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		default:
			behind.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(proxy.Close)
	do := func(line string) string {
		t.Helper()
		code, out, errs := call(append(strings.Fields(line), "--server", proxy.URL, "--token", "s3cret")...)
		if code != 0 {
			t.Fatalf("motacilla %s = %d, %s", line, code, errs)
		}
		return strings.TrimSpace(out)
	}
	if _, err := store.PutChannel(t.Context(), motacilla.Channel{ID: "final"}, 0); err != nil {
		t.Fatal(err)
	}
	id := do("post add final Goal")
	do("post pin final " + id)
	page, err := store.Posts(t.Context(), "final", motacilla.Query{Limit: 10})
	if err != nil || len(page.Posts) != 1 || string(page.Posts[0].ID) != id || !page.Posts[0].Pinned {
		t.Errorf("%+v, %v; want the post %s once, and pinned", page.Posts, err, id)
	}
	do("post delete final " + id)
	do("channel delete final --yes")
}

// Lists are read to their end, over several pages.
func TestPages(t *testing.T) {
	t.Chdir(t.TempDir())
	base, store := serveStore(t)
	do := func(args ...string) string {
		t.Helper()
		code, out, errs := call(append(args, "--server", base, "--token", "s3cret")...)
		if code != 0 {
			t.Fatalf("motacilla %q = %d, %s", args, code, errs)
		}
		return out
	}
	for i := range 120 {
		c := motacilla.Channel{ID: motacilla.ChannelID(fmt.Sprintf("c%03d", i))}
		if _, err := store.PutChannel(t.Context(), c, 0); err != nil {
			t.Fatal(err)
		}
	}
	const many = 230
	for i := range many {
		p := motacilla.Post{Show: true, Content: []motacilla.Block{motacilla.PlainText(fmt.Sprint("post ", i))}}
		if _, err := store.PutPost(t.Context(), "c000", p, 0); err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(do("channel", "list"), "\n"); n != 120 {
		t.Errorf("%d channels of 120", n)
	}
	var channels struct{ Channels []struct{ ID string } }
	if err := json.Unmarshal([]byte(do("channel", "list", "-o", "json")), &channels); err != nil || len(channels.Channels) != 120 {
		t.Errorf("%d channels in JSON (%v)", len(channels.Channels), err)
	}
	var head json.RawMessage
	for _, tt := range []struct {
		args []string
		n    int
		more bool
		last string
	}{
		{nil, 20, true, "post 210"}, {[]string{"--limit", "150"}, 150, true, "post 80"},
		{[]string{"--limit", "500"}, many, false, "post 0"}, {[]string{"--all"}, many, false, "post 0"},
	} {
		var list struct {
			Posts []client.Post
			Head  json.RawMessage
			Next  *string
		}
		args := append([]string{"post", "list", "c000", "-o", "json"}, tt.args...)
		if err := json.Unmarshal([]byte(do(args...)), &list); err != nil {
			t.Fatal(err)
		}
		if head == nil {
			head = list.Head
		}
		if len(list.Posts) != tt.n || list.Next != nil != tt.more || lineOf(list.Posts[tt.n-1]) != tt.last || string(list.Head) != string(head) {
			t.Errorf("%q: %d posts to %q, next %v, head %s", tt.args, len(list.Posts), lineOf(list.Posts[len(list.Posts)-1]), list.Next, list.Head)
		}
		if list.Next != nil {
			older := do("post", "list", "c000", "--limit", "1", "--before", *list.Next)
			byID := do("post", "list", "c000", "--limit", "1", "--before", string(list.Posts[tt.n-1].ID))
			if older == "" || older != byID {
				t.Errorf("--before %s: %q, %q", *list.Next, older, byID)
			}
		}
	}
}

func TestCompletion(t *testing.T) {
	t.Chdir(t.TempDir())
	remote := []string{"--server", serve(t), "--token", "s3cret"}
	if code, _, errs := call(append([]string{"channel", "create", "final", "--title", "The final"}, remote...)...); code != 0 {
		t.Fatal(errs)
	}
	code, id, errs := call(append([]string{"post", "add", "final", "<b>Kick-off</b>"}, remote...)...)
	if code != 0 {
		t.Fatal(errs)
	}
	id = strings.TrimSpace(id)
	for _, tt := range []struct{ line, want string }{
		{"post pin URL ''", "final\tThe final\n"},
		{"tail URL fi", "final\tThe final\n"},
		{"doctor URL --channel ''", "final\tThe final\n"},
		{"post edit URL final ''", id + "\tKick-off\n"},
		{"post pin URL nobody ''", ":"},
		{"post pin URL final " + id + " ''", ":"},
		{"channel show --server http://" + nobody + " ''", ":"},
		{"tail --transport ''", "auto\nsse\nwebsocket\nlong-polling\ninterval-polling\nmercure\nnchan\ncentrifugo\npusher\n:"},
		{"channel list -o ''", "text\njson\n:"},
		{"config -o ''", "text\njson\nyaml\n:"},
		{"serve --storage.type ''", "sqlite\n"},
		{"backup x --storage.type me", "memory\n"},
		{"serve --publishers sse,''", "sse,websocket\n"},
		{"config --log.level ''", "debug\ninfo\nwarn\nerror\n:"},
		{"chan", "channel\tCreate, list"},
	} {
		var args []string
		for _, word := range strings.Fields(tt.line) {
			if word == "URL" {
				args = append(args, remote...)
				continue
			}
			args = append(args, strings.ReplaceAll(word, "''", ""))
		}
		completes(t, "(?m)^"+regexp.QuoteMeta(tt.want), args...)
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if code, out, _ := call("completion", shell); code != 0 || !strings.Contains(out, "__complete") {
			t.Errorf("completion %s = %d", shell, code)
		}
	}
	if code, _, errs := call("completion", "tcsh"); code != 2 || !strings.Contains(errs, "did you mean bash") {
		t.Errorf("tcsh: %d, %s", code, errs)
	}
}

// completes asks for what the shell offers after args until it is out, which is a pattern. A server that takes longer than completionTime
// completes nothing.
func completes(t *testing.T, out string, args ...string) {
	t.Helper()
	for late := time.Now().Add(patience); ; {
		code, got, errs := call(append([]string{"__complete"}, args...)...)
		if code == 0 && regexp.MustCompile(out).MatchString(got) {
			return
		}
		if code != 0 || !slices.Contains(args, "--server") || time.Now().After(late) {
			t.Errorf("completion of %q: %d\n%s%s\nwant %s", args, code, got, errs, out)
			return
		}
	}
}

func TestDoctorCommand(t *testing.T) {
	t.Chdir(t.TempDir())
	base := serve(t)
	remote := []string{"--server", base, "--token", "s3cret"}
	if code, _, errs := call(append([]string{"channel", "create", "final"}, remote...)...); code != 0 {
		t.Fatal(errs)
	}
	code, out, errs := call("doctor", base, "--fast")
	if code != 0 || errs != "" || !strings.Contains(out, "ok          websocket: it opened") ||
		!strings.Contains(out, " ok, 0 warnings, 0 failures, ") {
		t.Errorf("doctor = %d, %s\n%s", code, errs, out)
	}
	code, out, errs = call(append([]string{"doctor", "--fast", "-o", "json", "--origin", "https://other.example"}, remote...)...)
	var report struct {
		URL, Channel string
		Checks       []struct{ Name, Status, Seen, Change, Nginx string }
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil || code != 1 || report.URL != base || report.Channel != "final" ||
		!strings.Contains(errs, "checks failed") {
		t.Errorf("doctor -o json = %d (%v), %s\n%s", code, err, errs, out)
	}
	failed := ""
	for _, c := range report.Checks {
		if c.Status == "failure" {
			failed += c.Name + " "
		}
	}
	if failed != "origins websocket " {
		t.Errorf("failed: %s", failed)
	}
	for _, tt := range []struct {
		args string
		code int
		err  string
	}{
		{"doctor nowhere", 2, "URL nowhere: must be a URL such as"},
		{"doctor http://" + nobody, 5, "nothing listens at"},
		{"doctor " + base + " --channel a/b", 2, "--channel: "},
		{"doctor " + base + " --origin www.example.org", 2, "--origin www.example.org: must be"},
		{"doctor a b", 2, `"b" is one argument too many`},
	} {
		if code, _, errs := call(strings.Fields(tt.args)...); code != tt.code || !strings.Contains(errs, tt.err) {
			t.Errorf("motacilla %s = %d, %s; want %d, %q", tt.args, code, errs, tt.code, tt.err)
		}
	}
}

// TestSecurely: a command finds a server that speaks TLS by a name that its certificate has.
func TestSecurely(t *testing.T) {
	for _, tt := range []struct {
		s    app.ServerSettings
		want string
	}{
		{app.ServerSettings{Addr: ":443", PublicURL: "https://live.example.org/news"}, "https://live.example.org/news"},
		{app.ServerSettings{Addr: ":443", TLS: app.TLSSettings{ACME: app.ACMESettings{Hosts: []string{"a.example", "b.example"}}}}, "https://a.example:443"},
		{app.ServerSettings{Addr: "[::1]:8443", TLS: app.TLSSettings{Cert: "x"}}, "https://[::1]:8443"},
	} {
		if got := securely(tt.s); got != tt.want {
			t.Errorf("%s, want %s", got, tt.want)
		}
	}
}
