package realserver

import (
	"fmt"
	"path/filepath"
	"testing"
)

// mercureVersion is the version of Mercure's hub that the tests use.
const mercureVersion = "v0.21.0"

// The keys of every Mercure, for HS256.
const (
	MercurePublisherKey  = "motacilla-publisher-key-of-256-bits-or-more"
	MercureSubscriberKey = "motacilla-subscriber-key-of-256-bits-or-more"
)

// MercureOptions are the settings of a Mercure. nil and zero fields mean the defaults.
type MercureOptions struct {
	Anonymous bool // who has no token may subscribe, for public updates
	History   bool // updates are kept, over a restart too
}

// Mercure is a hub whose times are long enough for a slow machine.
type Mercure struct {
	URL string // of the hub, for publishers and subscribers

	processes
}

// NewMercure starts a hub. It is stopped when the test ends. The program comes from the Go module proxy, once for this machine's
// user. It is the hub's own program without Caddy.
func NewMercure(t testing.TB, o *MercureOptions) *Mercure {
	t.Helper()
	const module = "github.com/dunglas/mercure"
	bin, err := built("mercure", module, mercureVersion, module+"/cmd/mercure", "-tags=deprecated_server,deprecated_transport")
	if err != nil {
		missing(t, fmt.Sprintf("mercure (%v)", err), "golang")
	}
	if o == nil {
		o = &MercureOptions{}
	}
	history := "local://local"
	if o.History {
		history = "bolt://" + filepath.Join(t.TempDir(), "updates.db")
	}
	addr := FreeAddress(t)
	m := &Mercure{URL: "http://" + addr + "/.well-known/mercure"}
	m.program(t, "http://"+addr+"/healthz", bin,
		"--addr", addr, "--transport-url", history, fmt.Sprintf("--allow-anonymous=%t", o.Anonymous),
		"--publisher-jwt-key", MercurePublisherKey, "--subscriber-jwt-key", MercureSubscriberKey, "--cors-allowed-origins", "*",
		"--read-timeout", "0s", "--write-timeout", "0s", "--dispatch-timeout", "10m",
	)
	return m
}
