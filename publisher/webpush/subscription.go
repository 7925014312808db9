package webpush

import (
	"crypto/ecdh"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/outbound"
)

// Subscription is what a browser gives out for one reader: where its push service takes messages, and how they are encrypted.
type Subscription struct {
	endpoint *url.URL
	key      *ecdh.PublicKey // of the browser
	auth     []byte          // a secret of the browser, authSize bytes
}

// wireSubscription is a PushSubscription in JSON (https://www.w3.org/TR/push-api/#dom-pushsubscriptionjson).
type wireSubscription struct {
	Endpoint string `json:"endpoint"`
	Keys     struct {
		P256DH string `json:"p256dh"`
		Auth   string `json:"auth"`
	} `json:"keys"`
}

// ParseSubscription returns the subscription that a browser has sent, or an ErrInvalid that names what is wrong. It comes from
// outside: the endpoint must be an https URL that a client of package outbound may call. Unknown keys are ignored, as browsers
// send more.
func ParseSubscription(data []byte) (*Subscription, error) {
	var w wireSubscription
	if err := json.Unmarshal(data, &w); err != nil {
		return nil, motacilla.Invalid("subscription", "must be a PushSubscription in JSON")
	}
	return w.parse()
}

func (w *wireSubscription) parse() (*Subscription, error) {
	endpoint, err := parseEndpoint(w.Endpoint)
	if err != nil {
		return nil, err
	}
	point, err := decode64("keys.p256dh", w.Keys.P256DH, pointSize)
	if err != nil {
		return nil, err
	}
	s := &Subscription{endpoint: endpoint}
	if s.key, err = ecdh.P256().NewPublicKey(point); err != nil {
		return nil, motacilla.Invalid("keys.p256dh", "must be a point of the curve P-256, uncompressed")
	}
	s.auth, err = decode64("keys.auth", w.Keys.Auth, authSize)
	return s, err
}

// parseEndpoint parses the URL of a push service.
func parseEndpoint(s string) (*url.URL, error) {
	u, err := outbound.CheckURL(s)
	if err != nil {
		return nil, motacilla.Invalid("endpoint", "must be an address of the public Internet: %v", err)
	}
	if u.Scheme != "https" {
		return nil, motacilla.Invalid("endpoint", "must be an https URL")
	}
	u.Fragment, u.RawFragment = "", ""
	u.Host = strings.ToLower(u.Host)
	return u, nil
}

// decode64 decodes base64url, with or without padding.
func decode64(field, s string, size int) ([]byte, error) {
	data, err := base64.RawURLEncoding.Strict().DecodeString(strings.TrimRight(s, "="))
	if err != nil || len(data) != size {
		return nil, motacilla.Invalid(field, "must be %d bytes in base64url", size)
	}
	return data, nil
}

func encode64(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

// wire returns s as a browser writes it.
func (s *Subscription) wire() (w wireSubscription) {
	w.Endpoint = s.endpoint.String()
	w.Keys.P256DH, w.Keys.Auth = encode64(s.key.Bytes()), encode64(s.auth)
	return w
}

// String returns the push service of the subscription. The whole endpoint is a secret: whoever has it may send.
func (s *Subscription) String() string {
	return fmt.Sprintf("a subscription at %s", s.endpoint.Hostname())
}
