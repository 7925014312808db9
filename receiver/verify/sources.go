package verify

import (
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/receiver"
)

// GitHub returns the Verifier of GitHub's webhooks: X-Hub-Signature-256. Gitea, Forgejo and Bitbucket sign alike in headers of
// other names.
func GitHub(secrets ...string) (receiver.Verifier, error) {
	return HMAC(HMACOptions{Header: "X-Hub-Signature-256", Prefix: "sha256="}, secrets...)
}

// Stripe returns the Verifier of Stripe's webhooks: Stripe-Signature, with a time and one signature for each secret in force.
// tolerance 0 means 5 minutes.
func Stripe(tolerance time.Duration, secrets ...string) (receiver.Verifier, error) {
	return HMAC(HMACOptions{
		Header: "Stripe-Signature", Prefix: "v1=", Separator: ",", Timestamp: "t=", Tolerance: tolerance,
	}, secrets...)
}

// Slack returns the Verifier of Slack's requests: X-Slack-Signature, version v0. tolerance 0 means 5 minutes.
func Slack(tolerance time.Duration, secrets ...string) (receiver.Verifier, error) {
	return HMAC(HMACOptions{
		Header: "X-Slack-Signature", Prefix: "v0=", Timestamp: "X-Slack-Request-Timestamp", Signed: "v0:{timestamp}:{body}",
		Tolerance: tolerance,
	}, secrets...)
}

// Standard returns the Verifier of Standard Webhooks (standardwebhooks.com) with symmetric keys, signature version v1. A secret is
// base64, after "whsec_" or alone. tolerance 0 means 5 minutes.
func Standard(tolerance time.Duration, secrets ...string) (receiver.Verifier, error) {
	if err := checkSecrets(secrets); err != nil {
		return nil, err
	}
	keys := make([][]byte, len(secrets))
	for i, s := range secrets {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(s, "whsec_"))
		if err != nil || len(key) == 0 {
			return nil, motacilla.Invalid(fmt.Sprintf("secrets[%d]", i), "must be base64, as in whsec_…")
		}
		keys[i] = key
	}
	return newKeyed(HMACOptions{
		Header: "webhook-signature", Prefix: "v1,", Separator: " ", Encoding: "base64", Timestamp: "webhook-timestamp",
		Signed: "{webhook-id}.{timestamp}.{body}", Tolerance: tolerance,
	}, keys)
}

// WebSub returns the Verifier of what a WebSub hub delivers: X-Hub-Signature, in which the hub names the algorithm (W3C WebSub,
// section 8).
func WebSub(secrets ...string) (receiver.Verifier, error) {
	const name = "X-Hub-Signature"
	byMethod := map[string]*keyed{}
	if err := checkSecrets(secrets); err != nil {
		return nil, err
	}
	keys := make([][]byte, len(secrets))
	for i, s := range secrets {
		keys[i] = []byte(s)
	}
	for _, method := range []string{"sha1", "sha256", "sha512"} {
		k, err := newKeyed(HMACOptions{Header: name, Prefix: method + "=", Algorithm: method}, keys)
		if err != nil {
			return nil, err
		}
		byMethod[method] = k
	}
	sha384 := *byMethod["sha512"]
	sha384.new, sha384.o.Prefix = sha512.New384, "sha384="
	byMethod["sha384"] = &sha384
	return receiver.VerifierFunc(func(h http.Header, body []byte, now time.Time) error {
		value, err := single(h, name)
		if err != nil {
			return err
		}
		method, _, _ := strings.Cut(value, "=")
		k, known := byMethod[method]
		if !known {
			return fmt.Errorf("%s has an algorithm that is not known: %w", name, motacilla.ErrUnauthorized)
		}
		return k.Verify(h, body, now)
	}), nil
}
