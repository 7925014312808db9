package e2e

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// durableFolder is where the packages of Durable Streams are installed, with the files of testdata/durable.
func durableFolder(t *testing.T) string {
	t.Helper()
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			const missing = "the tests of durable streams need Node.js and npm: apt-get install -y nodejs npm"
			if os.Getenv("CI") == "true" {
				t.Fatal(missing)
			}
			t.Skip(missing)
		}
	}
	folder, err := durablePackages()
	if err != nil {
		t.Fatal(err)
	}
	return folder
}

var durablePackages = sync.OnceValues(func() (string, error) {
	folder := filepath.Join(scratch, "durable")
	if err := copySources("testdata/durable", folder); err != nil {
		return "", err
	}
	return folder, downloads(folder, "npm ci --no-audit --no-fund --ignore-scripts --prefer-offline --loglevel=error")
})

// TestDurableStreamsClient reads a channel with the protocol's own client: what is there, what comes, what came while the server was
// away, and the end.
func TestDurableStreamsClient(t *testing.T) {
	t.Parallel()
	folder := durableFolder(t)
	// No request ends by itself meanwhile: a client that asks just after the channel was deleted would fail.
	p := serve(t, "durable-streams", "MOTACILLA_PUBLISHERS_DURABLE_STREAMS_HOLD=1h", "MOTACILLA_PUBLISHERS_DURABLE_STREAMS_LIFETIME=1h")
	address := p.site() + "/live/durable-streams/" + string(channel) + "/"
	environment := []string{"NODE_EXTRA_CA_CERTS=" + certificate.Cert}
	follow := func(live, offset string) *script {
		return node(t, folder, environment, "follow.mjs", address, live, offset)
	}
	next := func(s *script, want string) {
		t.Helper()
		if line := receive(t, "the client has a "+want, s.lines); line != want {
			t.Fatalf("the client prints %q, want %q", line, want)
		}
	}
	// end returns the offset at which a client that ends is.
	end := func(s *script, closed string) string {
		t.Helper()
		words := strings.Fields(receive(t, "the client ends", s.lines))
		if len(words) != 3 || words[0] != "end" || words[2] != closed {
			t.Fatalf("the client prints %q, want the end of a stream whose closed is %s", words, closed)
		}
		s.ends()
		return words[1]
	}
	p.post("post one")
	past := follow("false", "-1")
	next(past, "reset post one")
	first := end(past, "false")
	live := []*script{follow("sse", "-1"), follow("long-poll", "-1"), follow("sse", first), follow("long-poll", first)}
	for _, s := range live[:2] {
		next(s, "reset post one")
	}
	p.readers("durable-streams", len(live))
	p.post("post two")
	for _, s := range live {
		next(s, "delta post two")
	}
	p.stop()
	p.start()
	p.post("post three")
	for _, s := range live {
		next(s, "delta post three")
	}
	missed := follow("false", first)
	next(missed, "delta post two post three")
	if at := end(missed, "false"); at <= first {
		t.Errorf("after %s comes the offset %s", first, at)
	}
	p.readers("durable-streams", len(live))
	p.api(http.MethodDelete, "channels/"+string(channel), nil, nil)
	for _, s := range live {
		next(s, "gone")
		end(s, "true")
	}
}
