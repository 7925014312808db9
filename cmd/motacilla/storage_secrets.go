package main

import (
	"net/url"
	"strings"
)

// storageMask stands for a secret.
const storageMask = "********"

// maskedError is an error whose text has no secret.
type maskedError struct {
	error
	secrets *strings.Replacer
}

func (e maskedError) Error() string { return e.secrets.Replace(e.error.Error()) }

func (e maskedError) Unwrap() error { return e.error }

// secretsIn returns a replacer that masks the secrets of a store's place in a text. Secrets are the password of a URL and
// what its query calls a password, secret or token, escaped and unescaped.
func secretsIn(place string) *strings.Replacer {
	var pairs []string
	hide := func(secret string) {
		if secret != "" && secret != storageMask {
			pairs = append(pairs, secret, storageMask)
		}
	}
	_, rest, isURL := strings.Cut(place, "://")
	if !isURL {
		return strings.NewReplacer()
	}
	authority, _, _ := strings.Cut(rest, "/")
	authority, _, _ = strings.Cut(authority, "?")
	if at := strings.LastIndexByte(rest, '@'); at >= len(authority) && !strings.Contains(authority, "@") {
		authority = rest[:at+1] // the password has a / that is not escaped
	}
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		if _, written, ok := strings.Cut(authority[:at], ":"); ok && written != "" {
			pairs = append(pairs, ":"+written+"@", ":"+storageMask+"@")
			if read, err := url.PathUnescape(written); err == nil && len(read) > 3 {
				hide(read)
			}
			if len(written) > 3 { // a shorter one would match parts of words
				hide(written)
			}
		}
	}
	_, query, _ := strings.Cut(place, "?")
	for pair := range strings.SplitSeq(query, "&") {
		key, value, _ := strings.Cut(pair, "=")
		lower := strings.ToLower(key)
		if strings.Contains(lower, "password") || strings.Contains(lower, "secret") || strings.Contains(lower, "token") {
			if value != "" {
				pairs = append(pairs, pair, key+"="+storageMask)
			}
			if read, err := url.QueryUnescape(value); err == nil && len(read) > 3 {
				hide(read)
			}
		}
	}
	return strings.NewReplacer(pairs...)
}
