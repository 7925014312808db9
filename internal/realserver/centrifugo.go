package realserver

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
)

// centrifugoVersion is the version of Centrifugo that the tests use.
const centrifugoVersion = "v6.9.1"

// The keys of every Centrifugo.
const (
	CentrifugoAPIKey   = "motacilla-api-key"   // of the server API
	CentrifugoTokenKey = "motacilla-token-key" // of readers' tokens, for HS256
)

// Centrifugo is a server of that name with three namespaces. Who has no token may connect, and subscribe in the namespaces
// "live", which has no history, and "kept", which has. In "closed" a subscription needs a token, as it does everywhere if the
// channel begins with "$".
type Centrifugo struct {
	URL string // of the server, without a path: /api, /connection/websocket and /connection/uni_sse are below it

	processes
}

// NewCentrifugo starts a server that keeps everything in memory. It is stopped when the test ends. The program comes from the Go
// module proxy, once for this machine's user.
func NewCentrifugo(t testing.TB) *Centrifugo {
	t.Helper()
	const module = "github.com/centrifugal/centrifugo/v6"
	bin, err := built("centrifugo", module, centrifugoVersion, module)
	if err != nil {
		missing(t, fmt.Sprintf("centrifugo (%v)", err), "golang")
	}
	addr := FreeAddress(t)
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	config, err := json.Marshal(centrifugoConfig(host, port))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(file, config, 0o600); err != nil {
		t.Fatal(err)
	}
	c := &Centrifugo{URL: "http://" + addr}
	c.program(t, c.URL+"/health", bin, "--config", file)
	return c
}

// centrifugoConfig returns the configuration. Its times are long enough for a slow machine.
func centrifugoConfig(host, port string) map[string]any {
	type object = map[string]any
	open := func(name string, more object) object {
		namespace := object{"name": name, "allow_subscribe_for_client": true, "allow_subscribe_for_anonymous": true}
		for key, value := range more {
			namespace[key] = value
		}
		return namespace
	}
	return object{
		"http_server": object{"address": host, "port": port},
		"http_api":    object{"key": CentrifugoAPIKey},
		"client": object{
			"token": object{"hmac_secret_key": CentrifugoTokenKey}, "allow_anonymous_connect_without_token": true, "allowed_origins": []string{"*"},
			"stale_close_delay": "10m", "ping_interval": "20m", "pong_timeout": "10m",
		},
		"channel": object{
			"max_length": 300,
			"namespaces": []object{
				open("live", nil),
				open("kept", object{"history_size": 1000, "history_ttl": "1h", "allow_recovery": true}),
				{"name": "closed"},
			},
		},
		"websocket":   object{"write_timeout": "5m"},
		"uni_sse":     object{"enabled": true},
		"health":      object{"enabled": true},
		"usage_stats": object{"disabled": true},
		"log":         object{"level": "warn"},
	}
}
