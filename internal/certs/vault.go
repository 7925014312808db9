package certs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
)

// namespace is that of all records here.
const namespace = "certificates"

// The beginnings of the keys of records.
const (
	certificatePrefix = "certificate/" // and the host
	accountPrefix     = "account/"     // and a hash of the directory's URL
	challengePrefix   = "challenge/"   // and the kind, a slash, and the token or the host
)

// challengeTTL is how long a challenge can be answered. Attempts take less.
const challengeTTL = 15 * time.Minute

// vault is what nodes share: certificates with their keys, the account's key, and challenges. With a secret it encrypts all of
// them.
type vault struct {
	records motacilla.Records
	seal    *sealer
}

// issued is a certificate in the vault.
type issued struct {
	Directory string `json:"directory"` // of the authority
	Chain     string `json:"chain"`     // PEM, the host's certificate first
	Key       string `json:"key"`       // PEM

	version int64 // of the record; 0 if it is not stored
	plain   bool  // it should be encrypted, and is not
}

// account is the account at a directory.
type account struct {
	Directory string `json:"directory"`
	Email     string `json:"email,omitempty"` // what the directory was last told
	Key       string `json:"key"`             // PEM

	version int64
}

func (v *vault) put(ctx context.Context, key string, version int64, ttl time.Duration, value any) (int64, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return 0, err
	}
	r, err := v.records.Put(ctx, motacilla.Record{
		Namespace: namespace, Key: key, Value: v.seal.seal(key, text), Version: version, TTL: ttl,
	})
	return r.Version, err
}

func (v *vault) read(r motacilla.Record, into any) error {
	text, err := v.seal.open(r.Key, r.Value)
	if err != nil {
		return fmt.Errorf("record %s: %w", r.Key, err)
	}
	if json.Unmarshal(text, into) != nil { // its error may quote the key
		return fmt.Errorf("record %s: can't be read", r.Key)
	}
	return nil
}

// get reads a record. It returns the record as it is stored, or ErrNotFound.
func (v *vault) get(ctx context.Context, key string, into any) (motacilla.Record, error) {
	r, err := v.records.Get(ctx, namespace, key)
	if err != nil {
		return r, err
	}
	return r, v.read(r, into)
}

// certificates returns what is stored for hosts. Hosts without a certificate are not in it. It goes on after a record that it
// can't read, and returns the error too.
func (v *vault) certificates(ctx context.Context, hosts []string) (map[string]*issued, error) {
	all := map[string]*issued{}
	var errs []error
	for _, host := range hosts {
		r, err := v.records.Get(ctx, namespace, certificatePrefix+host)
		if errors.Is(err, motacilla.ErrNotFound) {
			continue
		}
		i := &issued{version: r.Version, plain: v.seal.isPlain(r.Value)}
		if err == nil {
			err = v.read(r, i)
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		all[host] = i
	}
	return all, errors.Join(errs...)
}

// save stores a certificate in the place of the version that it names.
func (v *vault) save(ctx context.Context, host string, i *issued) error {
	version, err := v.put(ctx, certificatePrefix+host, i.version, 0, i)
	if err == nil {
		i.version, i.plain = version, false
	}
	return err
}

// The kinds of challenges.
const (
	http01    = "http-01"
	tlsALPN01 = "tls-alpn-01"
)

func challengeKey(kind, name string) string { return challengePrefix + kind + "/" + name }

// challenge stores what answers a challenge. It replaces what is there.
func (v *vault) challenge(ctx context.Context, kind, name string, value any) error {
	key := challengeKey(kind, name)
	for {
		old, err := v.records.Get(ctx, namespace, key)
		if err != nil && !errors.Is(err, motacilla.ErrNotFound) {
			return err
		}
		_, err = v.put(ctx, key, old.Version, challengeTTL, value)
		if !errors.Is(err, motacilla.ErrConflict) {
			return err
		}
	}
}

func (v *vault) forget(ctx context.Context, kind, name string) error {
	key := challengeKey(kind, name)
	r, err := v.records.Get(ctx, namespace, key)
	if err == nil {
		err = v.records.Delete(ctx, namespace, key, r.Version)
	}
	if errors.Is(err, motacilla.ErrNotFound) || errors.Is(err, motacilla.ErrConflict) {
		return nil // it has expired, or is another attempt's
	}
	return err
}

// isToken reports whether s can be a challenge's token: base64url of at least 128 bits (RFC 8555, 8.3).
func isToken(s string) bool {
	return len(s) >= 22 && len(s) <= 256 && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == ""
}
