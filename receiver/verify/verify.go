// Package verify has the ways in which sources prove that a webhook is theirs: signatures by HMAC, tokens, passwords and secrets in
// a header. Each is a receiver.Verifier.
//
// Each takes several secrets, of which a request must know one. So a secret can be replaced without a gap: add the new one here,
// change it at the source, and remove the old one. Secrets are compared in constant time, and appear in no error.
package verify

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net/http"
	"strings"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/receiver"
)

// Bearer returns the Verifier of a source that sends a token as "Authorization: Bearer TOKEN" (RFC 6750). The error is an
// ErrInvalid that names secrets.
func Bearer(tokens ...string) (receiver.Verifier, error) {
	if err := checkSecrets(tokens); err != nil {
		return nil, err
	}
	const name = "Authorization"
	return receiver.HeaderVerifier(func(h http.Header) error {
		value, err := single(h, name)
		if err != nil {
			return err
		}
		scheme, token, _ := strings.Cut(value, " ")
		if !strings.EqualFold(scheme, "Bearer") || !oneOf(strings.TrimSpace(token), tokens) {
			return wrong(name)
		}
		return nil
	}), nil
}

// Basic returns the Verifier of a source that sends a name and a password (RFC 7617). Each pair is NAME:PASSWORD. The error is an
// ErrInvalid that names secrets.
func Basic(pairs ...string) (receiver.Verifier, error) {
	if err := checkSecrets(pairs); err != nil {
		return nil, err
	}
	for i, p := range pairs {
		if _, password, ok := strings.Cut(p, ":"); !ok || password == "" {
			return nil, motacilla.Invalid(fmt.Sprintf("secrets[%d]", i), "must be NAME:PASSWORD")
		}
	}
	const name = "Authorization"
	return receiver.HeaderVerifier(func(h http.Header) error {
		if _, err := single(h, name); err != nil {
			return err
		}
		user, password, ok := (&http.Request{Header: h}).BasicAuth()
		if !ok || !oneOf(user+":"+password, pairs) {
			return wrong(name)
		}
		return nil
	}), nil
}

// Header returns the Verifier of a source that sends a secret in the header of this name, as GitLab does. The error is an
// ErrInvalid that names header or secrets.
func Header(name string, secrets ...string) (receiver.Verifier, error) {
	if err := checkSecrets(secrets); err != nil {
		return nil, err
	}
	if err := checkHeader("header", name); err != nil {
		return nil, err
	}
	return receiver.HeaderVerifier(func(h http.Header) error {
		value, err := single(h, name)
		if err != nil {
			return err
		}
		if !oneOf(value, secrets) {
			return wrong(name)
		}
		return nil
	}), nil
}

// Value returns the Verifier of a request that has shown value as its secret, such as a part of its path. what names that part in
// errors. The error is an ErrInvalid that names secrets.
func Value(what, value string, secrets ...string) (receiver.Verifier, error) {
	if err := checkSecrets(secrets); err != nil {
		return nil, err
	}
	return receiver.HeaderVerifier(func(http.Header) error {
		if !oneOf(value, secrets) {
			return wrong(what)
		}
		return nil
	}), nil
}

// oneOf compares value with all secrets. How long it takes depends on no secret's content or length.
func oneOf(value string, secrets []string) bool {
	sum, found := sha256.Sum256([]byte(value)), 0
	for _, s := range secrets {
		want := sha256.Sum256([]byte(s))
		found |= subtle.ConstantTimeCompare(sum[:], want[:])
	}
	return found == 1
}

// single returns the value of a header that a request must have once.
func single(h http.Header, name string) (string, error) {
	switch values := h.Values(name); {
	case len(values) == 0 || values[0] == "":
		return "", fmt.Errorf("%s is missing: %w", name, motacilla.ErrUnauthorized)
	case len(values) > 1:
		return "", fmt.Errorf("%s is there more than once: %w", name, motacilla.ErrUnauthorized)
	default:
		return values[0], nil
	}
}

func wrong(name string) error { return fmt.Errorf("%s is wrong: %w", name, motacilla.ErrUnauthorized) }

func checkSecrets(secrets []string) error {
	if len(secrets) == 0 {
		return motacilla.Invalid("secrets", "must have at least one")
	}
	for i, s := range secrets {
		if strings.TrimSpace(s) == "" {
			return motacilla.Invalid(fmt.Sprintf("secrets[%d]", i), "must not be blank")
		}
	}
	return nil
}

func checkHeader(option, name string) error {
	for _, c := range []byte(name) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`()<>@,;:\"/[]?={}`, c) >= 0 {
			return motacilla.Invalid(option, "must be the name of a header, such as X-Signature, not %q", name)
		}
	}
	if name == "" {
		return motacilla.Invalid(option, "must be the name of a header, such as X-Signature")
	}
	return nil
}
