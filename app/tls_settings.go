package app

import (
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/url"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla/internal/certs"
)

// TLSSettings are the keys server.tls.*. Without a certificate the server speaks plain HTTP.
type TLSSettings struct {
	Cert         string        `key:"cert" doc:"file with the certificate and its intermediates, in PEM; read again when it changes"`
	Key          string        `key:"key" doc:"file with the private key of the certificate, in PEM"`
	HTTP2        bool          `key:"http2" doc:"whether browsers may use HTTP/2"`
	MinVersion   string        `key:"min_version" choices:"1.2,1.3" doc:"oldest version of TLS that is spoken"`
	OCSP         bool          `key:"ocsp" doc:"whether answers of OCSP are sent with the certificate, if its authority gives any"`
	HSTS         time.Duration `key:"hsts" doc:"time for which browsers are told to use only https, such as 8760h; 0 does not tell them"`
	RedirectFrom string        `key:"redirect_from" doc:"address such as :80 whose requests are sent on to https; ACME uses it too"`

	ACME ACMESettings `key:"acme"`
}

// ACMESettings are the keys server.tls.acme.*, for certificates that the server gets itself.
type ACMESettings struct {
	Hosts     []string `key:"hosts" doc:"names of the server, such as live.example.org, that get a certificate each"`
	Email     string   `key:"email" doc:"address to which the certificate authority may write"`
	Directory string   `key:"directory" doc:"URL of the ACME directory of the certificate authority"`
	Roots     string   `key:"roots" doc:"file with the root certificates, in PEM, of a directory of your own; by default the system's"`
	Secret    string   `key:"secret" secret:"true" doc:"text that encrypts private keys in the store; the same on all nodes"`
	EABID     string   `key:"eab_id" doc:"ID of the key of an external account binding, if the certificate authority demands one"`
	EABKey    string   `key:"eab_key" secret:"true" doc:"the key of the external account binding, in base64url"`
}

func defaultTLS() TLSSettings {
	return TLSSettings{HTTP2: true, MinVersion: "1.2", ACME: ACMESettings{Directory: certs.LetsEncrypt}}
}

// On reports whether the server speaks TLS.
func (s TLSSettings) On() bool { return s.Cert != "" || len(s.ACME.Hosts) > 0 }

// validateTLS returns what is wrong with the keys server.tls.*.
func (s *ServerSettings) validateTLS() error {
	t := s.TLS
	var errs []error
	check := func(ok bool, key, expected string) {
		if !ok {
			errs = append(errs, fmt.Errorf("server.tls.%s: %s", key, expected))
		}
	}
	check(t.Cert == "" || t.Key != "", "key", "must be set, as server.tls.cert is")
	check(t.Key == "" || t.Cert != "", "cert", "must be set, as server.tls.key is")
	check(t.Cert == "" || len(t.ACME.Hosts) == 0, "acme.hosts", "must not be set if server.tls.cert is: it is one or the other")
	if !t.On() {
		for key, set := range map[string]bool{
			"hsts": t.HSTS > 0, "redirect_from": t.RedirectFrom != "", "ocsp": t.OCSP,
			"acme.email": t.ACME.Email != "", "acme.roots": t.ACME.Roots != "", "acme.secret": t.ACME.Secret != "",
			"acme.eab_id": t.ACME.EABID != "", "acme.eab_key": t.ACME.EABKey != "",
		} {
			check(!set, key, "needs a certificate: set server.tls.cert and server.tls.key, or server.tls.acme.hosts")
		}
		return errors.Join(errs...)
	}
	_, _, err := net.SplitHostPort(t.RedirectFrom)
	check(t.RedirectFrom == "" || err == nil, "redirect_from", "must be host:port, such as :80")
	if _, is := SocketPath(s.Addr); is {
		errs = append(errs, errors.New("server.addr: must be host:port, as server.tls is set; before a Unix socket the proxy speaks TLS"))
	}
	if strings.HasPrefix(s.PublicURL, "http:") {
		errs = append(errs, errors.New("server.public_url: must begin with https:, as server.tls is set"))
	}
	t.ACME.validate(check)
	return errors.Join(errs...)
}

func (s ACMESettings) validate(check func(ok bool, key, expected string)) {
	for _, host := range s.Hosts {
		check(isHost(host), "acme.hosts", fmt.Sprintf("must be names of hosts in lower-case ASCII, such as live.example.org, not %q; "+
			"there is no certificate for a * or an address", host))
	}
	if s.Email != "" {
		a, err := mail.ParseAddress(s.Email)
		check(err == nil && a.Address == s.Email, "acme.email", "must be an address, such as web@example.org")
	}
	u, err := url.Parse(s.Directory)
	check(err == nil && u.Scheme == "https" && u.Host != "", "acme.directory", "must be an https URL, such as "+certs.LetsEncrypt)
	check(s.EABID == "" || s.EABKey != "", "acme.eab_key", "must be set, as server.tls.acme.eab_id is")
	check(s.EABKey == "" || s.EABID != "", "acme.eab_id", "must be set, as server.tls.acme.eab_key is")
}

// isHost reports whether s is the name of a host in the form that certificates have.
func isHost(s string) bool {
	if len(s) > 253 || net.ParseIP(s) != nil {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' ||
			strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return false
		}
	}
	return true
}
