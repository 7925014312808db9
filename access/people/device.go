package people

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/motacilla-live/motacilla"
)

// The cookie of a browser that has signed in before. It permits nothing: whoever has it may try passwords of its accounts while
// strangers may not, 10 in an hour. It has an ID.MAC for each of its accounts, and tells nothing of them.
const (
	deviceCookie     = "motacilla_device"
	hostDeviceCookie = "__Host-" + deviceCookie
	deviceLife       = 400 * 24 * 60 * 60 // seconds; browsers keep no cookie longer
	mostDevices      = 4                  // accounts of one browser
)

// The record of the key that signs the cookies. All nodes have the same one.
const (
	keySpace  = "access-keys"
	deviceKey = "devices"
)

// deviceMAC returns the MAC of an ID for an account.
func (p *People) deviceMAC(ctx context.Context, one *person, id string) (string, error) {
	key, err := p.key(ctx)
	if err != nil {
		return "", err
	}
	h := hmac.New(sha256.New, key)
	fmt.Fprintf(h, "%d %s %d %s", len(one.login), one.login, one.Generation, id)
	h.Write(one.Handle) // another person may get the login one day
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)), nil
}

// device returns the ID of a browser that has signed in to the account before; empty if it has not.
func (p *People) device(r *http.Request, one *person) (id string, err error) {
	for _, entry := range deviceEntries(r) {
		id, mac, _ := strings.Cut(entry, ".")
		want, err := p.deviceMAC(r.Context(), one, id)
		if err != nil {
			return "", err
		}
		if hmac.Equal([]byte(mac), []byte(want)) {
			return id, nil
		}
	}
	return "", nil
}

// deviceEntries returns what the cookies of a request have.
func deviceEntries(r *http.Request) (list []string) {
	for _, name := range []string{hostDeviceCookie, deviceCookie} {
		for _, c := range r.CookiesNamed(name) {
			for entry := range strings.SplitSeq(c.Value, "~") {
				if id, mac, ok := strings.Cut(entry, "."); ok && len(id) == deviceIDSize && len(mac) == 43 && len(list) < mostDevices {
					list = append(list, entry)
				}
			}
		}
	}
	return list
}

const deviceIDSize = 26 // of rand.Text

// know gives the browser a cookie by which it is known when somebody signs in to this account again. Without it, the browser is a
// stranger's.
func (p *People) know(w http.ResponseWriter, r *http.Request, one *person) {
	known, err := p.device(r, one)
	if err != nil || known != "" {
		return
	}
	id := rand.Text()
	mac, err := p.deviceMAC(r.Context(), one, id)
	if err != nil {
		return
	}
	entries := append([]string{id + "." + mac}, deviceEntries(r)...)
	c := &http.Cookie{ //nolint:gosec // G124: Secure follows the scheme that the reader came by
		Name: deviceCookie, Value: strings.Join(entries[:min(len(entries), mostDevices)], "~"), Path: cmp.Or(p.kit.Site().Base, "/"),
		MaxAge: deviceLife, HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: p.kit.Site().Secure(r),
	}
	if c.Secure && c.Path == "/" {
		c.Name = hostDeviceCookie
	}
	http.SetCookie(w, c)
}

// key returns the key of the devices. Whoever is first makes it.
func (p *People) key(ctx context.Context) ([]byte, error) {
	if key := p.devices.Load(); key != nil {
		return *key, nil
	}
	r, err := p.records.Get(ctx, keySpace, deviceKey)
	if errors.Is(err, motacilla.ErrNotFound) {
		made := make([]byte, 32)
		_, _ = rand.Read(made) // it never fails
		r, err = p.records.Put(ctx, motacilla.Record{Namespace: keySpace, Key: deviceKey, Value: made})
		if errors.Is(err, motacilla.ErrConflict) { // another node was first
			r, err = p.records.Get(ctx, keySpace, deviceKey)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("read the key of devices: %w", err)
	}
	p.devices.Store(&r.Value)
	return r.Value, nil
}
