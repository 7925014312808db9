package natsconn_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/leaktest"
	"github.com/motacilla-live/motacilla/internal/natsconn"
	"github.com/motacilla-live/motacilla/internal/realserver"
	"github.com/nats-io/nkeys"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

const patience = time.Minute

func file(t *testing.T, content []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestIdentity: the ways in which a connection proves itself. A wrong one never connects, until the servers allow it.
func TestIdentity(t *testing.T) {
	user, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	public, err := user.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	seed, err := user.Seed()
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		config string
		set    func(*natsconn.Options)
	}{
		"User":  {`users: [ { user: app, password: "s3cret" } ]`, func(o *natsconn.Options) { o.User, o.Password = "app", "s3cret" }},
		"Token": {`token: "t0ken"`, func(o *natsconn.Options) { o.Token = "t0ken" }},
		"NKey":  {`users: [ { nkey: ` + public + ` } ]`, func(o *natsconn.Options) { o.NKey = file(t, seed) }},
	} {
		t.Run(name, func(t *testing.T) {
			server := realserver.NewNATS(t, `authorization { users: [ { user: another, password: x } ] }`)
			o := &natsconn.Options{Servers: []string{server.URL()}}
			tt.set(o)
			core, logs := observer.New(zap.DebugLevel)
			d, err := natsconn.New(o, "test", zap.New(core))
			if err != nil {
				t.Fatal(err)
			}
			conn, err := d.Dial()
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			eventually(t, "it is refused again and again", func() bool { return refusals(logs) > 2 })
			if n := logs.FilterMessageSnippet("NATS can't be reached").FilterLevelExact(zap.WarnLevel).Len(); n == 0 {
				t.Error("the log does not warn of it")
			}
			if _, err := natsconn.Begin(conn); !errors.Is(err, natsconn.ErrAway) {
				t.Errorf("a connection that is refused begins with %v", err)
			}
			server.Kill()
			server.Configure(t, "authorization { "+tt.config+" }")
			server.Restart(t)
			eventually(t, "it is connected", conn.IsConnected)
			for _, e := range logs.All() {
				if text := fmt.Sprint(e.Message, e.ContextMap()); strings.Contains(text, "s3cret") || strings.Contains(text, "t0ken") {
					t.Errorf("the log has a secret: %s", text)
				}
			}
		})
	}
}

// refusals returns how many attempts have failed. Only the first of them is a warning.
func refusals(logs *observer.ObservedLogs) int {
	return logs.FilterMessageSnippet("NATS can't be reached").Len()
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for late := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(late) {
			t.Fatalf("it does not happen that %s", what)
		}
	}
}

// TestTLS: a server is trusted if the file ca vouches for it, and not otherwise.
func TestTLS(t *testing.T) {
	addr := realserver.FreeAddress(t)
	host := addr[:strings.LastIndex(addr, ":")]
	cert, key, err := realserver.SelfSigned(host)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile := file(t, cert), file(t, key)
	server := realserver.NewNATS(t, fmt.Sprintf("tls { cert_file: %q, key_file: %q }", certFile, keyFile))
	for name, tt := range map[string]struct {
		o  natsconn.Options
		ok bool
	}{
		"Trusted": {natsconn.Options{CA: certFile, Certificate: certFile, Key: keyFile}, true},
		"Unknown": {natsconn.Options{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			core, logs := observer.New(zap.DebugLevel)
			tt.o.Servers = []string{"tls://" + server.Addr}
			d, err := natsconn.New(&tt.o, "test", zap.New(core))
			if err != nil {
				t.Fatal(err)
			}
			conn, err := d.Dial()
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if tt.ok {
				eventually(t, "it is connected", conn.IsConnected)
				return
			}
			eventually(t, "the log tells why", func() bool { return refusals(logs) > 0 })
			if conn.IsConnected() {
				t.Error("it is connected")
			}
		})
	}
}

// TestAttempt: if the connection was replaced during an attempt, the attempt fails. An attempt without a connection does not begin.
func TestAttempt(t *testing.T) {
	server := realserver.NewNATS(t)
	d, err := natsconn.New(&natsconn.Options{Servers: []string{server.URL()}}, "test", nil)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := d.Dial()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	a, err := natsconn.Begin(conn)
	if err != nil || a.Err() != nil {
		t.Fatal(err, a.Err())
	}
	server.Kill()
	eventually(t, "the server is away", func() bool { return !conn.IsConnected() })
	if _, err := natsconn.Begin(conn); !errors.Is(err, natsconn.ErrAway) {
		t.Errorf("without a server: %v", err)
	}
	if err := conn.Publish("x", nil); err == nil {
		t.Error("a message is kept for later")
	}
	server.Restart(t)
	eventually(t, "the server is back", conn.IsConnected)
	if err := a.Err(); !errors.Is(err, natsconn.ErrAway) {
		t.Errorf("after a new connection: %v", err)
	}
	if a, err = natsconn.Begin(conn); err != nil || a.Err() != nil {
		t.Error(err, a.Err())
	}
}

func TestOptions(t *testing.T) {
	for want, o := range map[string]natsconn.Options{
		"servers: must have at least":                        {},
		"servers[0]: must be an":                             {Servers: []string{"127.0.0.1:4222"}},
		"servers[1]: must have no user":                      {Servers: []string{"nats://a:1", "nats://user:secret@a:1"}},
		"servers[1]: must be for":                            {Servers: []string{"nats://a:1", "wss://b:1"}},
		"servers: needs one of":                              {Servers: []string{"nats://a:1"}, Token: "x", User: "y"},
		"certificate: must be set with":                      {Servers: []string{"nats://a:1"}, Key: "x"},
		"ca: can't be read":                                  {Servers: []string{"nats://a:1"}, CA: "/nowhere"},
		"nkey: must have the seed":                           {Servers: []string{"nats://a:1"}, NKey: file(t, []byte("none"))},
		"servers: can't be used: nats: failed to parse root": {Servers: []string{"nats://a:1"}, CA: file(t, []byte("none"))},
	} {
		_, err := natsconn.New(&o, "test", nil)
		if !errors.Is(err, motacilla.ErrInvalid) || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "secret@") {
			t.Errorf("want %s, got %v", want, err)
		}
	}
}
