package webhook

import (
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/receiver/verify"
)

// pathSecret is the way of a source that can neither sign nor send a header: its secret is the end of the address.
const pathSecret = "path"

// verifier returns what checks a delivery. It is nil if the secret is in the path.
func (o *Options) verifier() (receiver.Verifier, error) {
	if err := o.unused(); err != nil {
		return nil, err
	}
	switch o.Verify {
	case "github":
		return verify.GitHub(o.Secrets...)
	case "stripe":
		return verify.Stripe(o.Tolerance, o.Secrets...)
	case "slack":
		return verify.Slack(o.Tolerance, o.Secrets...)
	case "standard":
		return verify.Standard(o.Tolerance, o.Secrets...)
	case "websub":
		return verify.WebSub(o.Secrets...)
	case "bearer":
		return verify.Bearer(o.Secrets...)
	case "basic":
		return verify.Basic(o.Secrets...)
	case "header":
		return verify.Header(o.Header, o.Secrets...)
	case "hmac":
		return verify.HMAC(verify.HMACOptions{
			Header: o.Header, Algorithm: o.Algorithm, Encoding: o.Encoding, Prefix: o.Prefix, Separator: o.Separator,
			Timestamp: o.Timestamp, Signed: o.Signed, Tolerance: o.Tolerance,
		}, o.Secrets...)
	case pathSecret:
		const least = 16 // it can be tried as often as the limit of requests permits
		for _, s := range o.Secrets {
			if len(s) < least {
				return nil, motacilla.Invalid("secrets", "must have at least %d characters each, since they are in an address", least)
			}
		}
		_, err := verify.Value("the path", "", o.Secrets...)
		return nil, err
	}
	return nil, motacilla.Invalid("verify", "must be set: github, stripe, slack, standard, websub, hmac, bearer, basic, header or path")
}

// unused returns an error if an option is set that the way of verification does not look at: it was meant to protect something.
func (o *Options) unused() error {
	for _, s := range []struct {
		option string
		set    bool
	}{
		{"algorithm", o.Algorithm != ""}, {"encoding", o.Encoding != ""}, {"prefix", o.Prefix != ""},
		{"separator", o.Separator != ""}, {"timestamp", o.Timestamp != ""}, {"signed", o.Signed != ""},
		{"header", o.Header != "" && o.Verify != "header"},
	} {
		if s.set && o.Verify != "hmac" {
			return motacilla.Invalid(s.option, "is for verify: hmac, and verify is %q", o.Verify)
		}
	}
	return nil
}
