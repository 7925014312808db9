package realserver

import (
	"context"
	"embed"
	"fmt"
	"os/exec"
	"strconv"
	"testing"
)

// The client of every OIDCProvider.
const (
	OIDCClient = "motacilla"
	OIDCSecret = "motacilla-s3cret/+:%"
)

// oidcProvider has what npm installs, and how it is run.
//
//go:embed oidcprovider
var oidcProvider embed.FS

// OIDCProvider is an OpenID Connect server, which is certified as such. Its people are anna, in the groups admins and sports, ben, in
// sports, and carl, in none. Any password will do.
type OIDCProvider struct {
	processes
	Issuer string
}

// NewOIDCProvider starts a server that knows a site with the routes of the authenticator oidc. It is killed when the test ends. It comes
// from the npm registry, once for this machine's user.
func NewOIDCProvider(t testing.TB, site string) *OIDCProvider {
	t.Helper()
	folder, err := installedPackage(oidcProvider, "oidcprovider")
	if err != nil {
		missing(t, fmt.Sprintf("oidc-provider (%v)", err), "nodejs npm")
	}
	p := &OIDCProvider{}
	var port int
	p.command = func() *exec.Cmd {
		cmd := exec.CommandContext(context.Background(), "node", "main.js", strconv.Itoa(port), site, OIDCClient, OIDCSecret)
		cmd.Dir = folder
		return cmd
	}
	p.ready = func() error { return healthy(p.Issuer + "/.well-known/openid-configuration") }
	p.first(t, func() error {
		port = FreePort(t)
		p.Issuer = "http://" + address(port)
		return nil
	})
	return p
}
