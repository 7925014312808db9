// Package natsconn has the connection to NATS of the publisher and the receiver of that name: its settings, and how it behaves while
// no server can be reached.
package natsconn

import (
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/motacilla-live/motacilla"
	"github.com/nats-io/nats.go"
)

// Options are the settings of a connection.
type Options struct {
	Servers []string `key:"servers" required:"true" doc:"of NATS servers, such as tls://nats.example.org:4222; one at a time is used"`

	User        string `key:"user" doc:"name of the user, with password"`
	Password    string `key:"password" doc:"of the user" secret:"true"`
	Token       string `key:"token" doc:"a token, in the place of a user" secret:"true"`
	Credentials string `key:"credentials" doc:"file with the JWT and the seed of a user (.creds)"`
	NKey        string `key:"nkey" doc:"file with the seed of an NKey"`

	CA          string `key:"ca" doc:"file with the certificates that vouch for the servers; default: those of the system"`
	Certificate string `key:"certificate" doc:"file with the certificate by which this server is known to NATS"`
	Key         string `key:"key" doc:"file with the key of certificate"`
}

// schemes are those of servers. tls demands TLS. With nats, the server says whether it wants it.
var schemes = []string{"nats", "tls", "ws", "wss"}

// read returns the settings as the library wants them. The error is a motacilla.ErrInvalid that names the option.
func (o *Options) read() ([]nats.Option, error) {
	if len(o.Servers) == 0 {
		return nil, motacilla.Invalid("servers", "must have at least one address")
	}
	webSockets := strings.HasPrefix(o.Servers[0], "ws")
	for i, s := range o.Servers {
		field := fmt.Sprintf("servers[%d]", i)
		switch u, err := url.Parse(s); {
		case err != nil || u.Host == "" || !slices.Contains(schemes, u.Scheme):
			return nil, motacilla.Invalid(field, "must be an address such as tls://nats.example.org:4222")
		case u.User != nil:
			return nil, motacilla.Invalid(field, "must have no user: set user and password, or token")
		case strings.HasPrefix(u.Scheme, "ws") != webSockets:
			return nil, motacilla.Invalid(field, "must be for WebSocket if the first one is, and otherwise not")
		}
	}
	ways := 0
	for _, set := range []bool{o.User != "" || o.Password != "", o.Token != "", o.Credentials != "", o.NKey != ""} {
		if set {
			ways++
		}
	}
	if ways > 1 {
		return nil, motacilla.Invalid("servers", "needs one of user, token, credentials and nkey, and not several")
	}
	if o.Certificate != "" && o.Key == "" || o.Certificate == "" && o.Key != "" {
		return nil, motacilla.Invalid("certificate", "must be set with key")
	}
	for _, f := range []struct{ option, path string }{
		{"credentials", o.Credentials}, {"nkey", o.NKey}, {"ca", o.CA}, {"certificate", o.Certificate}, {"key", o.Key},
	} {
		if f.path == "" {
			continue
		}
		if _, err := os.ReadFile(f.path); err != nil {
			return nil, motacilla.Invalid(f.option, "can't be read: %v", err)
		}
	}
	return o.identity()
}

// identity returns how the connection proves itself.
func (o *Options) identity() (list []nats.Option, err error) {
	switch {
	case o.User != "" || o.Password != "":
		list = append(list, nats.UserInfo(o.User, o.Password))
	case o.Token != "":
		list = append(list, nats.Token(o.Token))
	case o.Credentials != "":
		list = append(list, nats.UserCredentials(o.Credentials)) // read at each connection, so it may be replaced
	case o.NKey != "":
		key, err := nats.NkeyOptionFromSeed(o.NKey)
		if err != nil {
			return nil, motacilla.Invalid("nkey", "must have the seed of an NKey")
		}
		list = append(list, key)
	}
	if o.CA != "" {
		list = append(list, nats.RootCAs(o.CA))
	}
	if o.Certificate != "" {
		list = append(list, nats.ClientCert(o.Certificate, o.Key))
	}
	return list, nil
}
