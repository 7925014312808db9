package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// soon is how long before its end a certificate should be renewed. Certificates with a short life have less time.
const soon = 14 * 24 * time.Hour

// certificate looks at a certificate that this machine trusts. So its chain is complete, and it is for the host.
func (d *doctor) certificate(a *answer) Check {
	c := Check{Name: "tls", Status: NotTested, Seen: "the URL is http"}
	if a.TLS == nil || len(a.TLS.PeerCertificates) == 0 {
		if !d.local() {
			c.Status, c.Change = Warning, "serve readers by https: tokens and cookies are not encrypted, and browsers warn"
			c.Nginx = "listen 443 ssl;\nhttp2 on;"
		}
		return c
	}
	cert := a.TLS.PeerCertificates[0]
	left := cert.NotAfter.Sub(d.o.Now())
	c.Status = OK
	c.Seen = fmt.Sprintf("%s; the certificate is good for %d days, its chain is complete, and it is for %s",
		tls.VersionName(a.TLS.Version), int(left.Hours()/24), hostsOf(cert))
	if left < min(soon, cert.NotAfter.Sub(cert.NotBefore)/5) {
		c.Status, c.Change = Warning, "renew it; if that should happen by itself, the log of what renews it says why it does not"
	}
	return c
}

func hostsOf(cert *x509.Certificate) string {
	names := append([]string{}, cert.DNSNames...)
	for _, ip := range cert.IPAddresses {
		names = append(names, ip.String())
	}
	if more := len(names) - 5; more > 0 {
		return strings.Join(names[:5], ", ") + fmt.Sprintf(" and %d more", more)
	}
	return strings.Join(names, ", ")
}

// distrusted returns what is wrong with the server's certificate, if that is why a request has failed.
func (d *doctor) distrusted(err error) (Check, bool) {
	var bad *tls.CertificateVerificationError
	if !errors.As(err, &bad) || len(bad.UnverifiedCertificates) == 0 {
		return Check{}, false
	}
	host := d.base.Hostname()
	if asked := (*url.Error)(nil); errors.As(err, &asked) {
		if u, err := url.Parse(asked.URL); err == nil {
			host = u.Hostname()
		}
	}
	c := Check{Name: "tls", Status: Failure}
	c.Seen, c.Change, c.Nginx = d.diagnose(host, bad.UnverifiedCertificates, bad.Err)
	return c, true
}

// diagnose says why browsers refuse the certificates that a server sends, of which the first should be for host.
func (d *doctor) diagnose(host string, sent []*x509.Certificate, err error) (seen, change, nginx string) {
	leaf, last, now := sent[0], sent[len(sent)-1], d.o.Now()
	const date = "2 January 2006"
	wrongHost := x509.HostnameError{}
	switch {
	case now.After(leaf.NotAfter):
		return "the certificate expired on " + leaf.NotAfter.Format(date), "renew it", ""
	case now.Before(leaf.NotBefore):
		return "the certificate is good only from " + leaf.NotBefore.Format(date), "set the clock of this machine by NTP, or wait", ""
	case errors.As(err, &wrongHost):
		return fmt.Sprintf("the certificate is for %s, and not for %s", hostsOf(leaf), host),
			"check the server by one of these names, or get a certificate for " + host + ", as with server.tls.acme.hosts", ""
	case leaf.Subject.String() == leaf.Issuer.String():
		return "the certificate vouches for itself: browsers warn every reader",
			"get one from an authority that browsers trust, as with server.tls.acme.hosts", ""
	case len(sent) == 1:
		return fmt.Sprintf("the chain is not complete: the server sends its own certificate, but not that of its issuer, %s", leaf.Issuer),
			"put the certificate and its intermediates into one file, as server.tls.cert",
			"ssl_certificate fullchain.pem;"
	}
	return fmt.Sprintf("the chain ends at %s, which this machine does not trust (%v)", last.Issuer, err),
		"send the intermediates in order, and have a certificate of an authority that browsers trust", ""
}

// hosts checks the certificates of other hosts to which readers are sent.
func (d *doctor) hosts(ctx context.Context) Check {
	c := Check{Name: "hosts", Status: NotTested, Seen: "no transport is on another host"}
	seen := map[string]bool{d.base.Host: true}
	var good []string
	for _, t := range d.listed {
		u := d.offers[t.Name]
		if u == nil || seen[u.Host] || u.Scheme != "https" && u.Scheme != "wss" {
			continue
		}
		seen[u.Host] = true
		_, err := d.ask(ctx, http.MethodGet, "https://"+u.Host+"/")
		if bad, is := d.distrusted(err); is {
			bad.Name, bad.Seen = c.Name, t.Name+" is at "+u.Host+": "+bad.Seen
			return bad
		}
		if err == nil {
			good = append(good, u.Host)
		}
	}
	if len(good) > 0 {
		c.Status, c.Seen = OK, "the certificates of "+strings.Join(good, ", ")+" are good"
	}
	return c
}

// redirect checks what readers get who type the name of the host without https.
func (d *doctor) redirect(ctx context.Context) Check {
	c := Check{Name: "redirect", Status: NotTested, Seen: "the URL is http"}
	if d.base.Scheme != "https" {
		return c
	}
	if port := d.base.Port(); port != "" && port != "443" {
		c.Seen = "https is at port " + port + ", so it is not known where http is"
		return c
	}
	plain := *d.base
	plain.Scheme, plain.Host = "http", strings.TrimSuffix(d.base.Host, ":443")
	first := &doctor{o: d.o, base: &plain, client: &http.Client{
		Transport: d.o.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	first.o.Token = "" // it would not be encrypted
	c.Change = "send requests by http on to https, as with server.tls.redirect_from: \":80\""
	c.Nginx = "listen 80;\nreturn 308 https://$host$request_uri;"
	a, err := first.ask(ctx, http.MethodGet, plain.String()+"/healthz")
	if err != nil {
		c.Status, c.Seen = Warning, "nothing answers "+plain.String()+" ("+err.Error()+")"
		return c
	}
	to := a.Header.Get("Location")
	if a.StatusCode < 300 || a.StatusCode > 399 || !strings.HasPrefix(to, "https://") {
		c.Status, c.Seen = Warning, fmt.Sprintf("%s is answered with %s, and not sent on to https", plain.String(), a.Status)
		return c
	}
	return Check{Name: c.Name, Status: OK, Seen: plain.String() + " is sent on to https" + d.strict(ctx)}
}

// strict says for how long browsers stay with https.
func (d *doctor) strict(ctx context.Context) string {
	a, err := d.ask(ctx, http.MethodGet, d.at("/healthz"))
	if err != nil {
		return ""
	}
	for part := range strings.SplitSeq(a.Header.Get("Strict-Transport-Security"), ";") {
		if age, is := strings.CutPrefix(strings.ToLower(strings.TrimSpace(part)), "max-age="); is {
			seconds, _ := strconv.Atoi(strings.Trim(age, `"`))
			return fmt.Sprintf("; browsers stay with it for %d days (HSTS)", seconds/(24*60*60))
		}
	}
	return "; browsers are not told to stay with it (HSTS)"
}
