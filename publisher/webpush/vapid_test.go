package webpush

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage/memory"
)

// claimsOf returns what an Authorization header says, if its signature is right.
func claimsOf(t *testing.T, header string) (claims struct {
	Aud, Sub string
	Exp      int64
}) {
	t.Helper()
	rest, ok := strings.CutPrefix(header, "vapid t=")
	jwt, public, found := strings.Cut(rest, ", k=")
	parts := strings.Split(jwt, ".")
	if !ok || !found || len(parts) != 3 {
		t.Fatalf("the header is %q", header)
	}
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), decoded(t, public))
	if err != nil {
		t.Fatal(err)
	}
	signature := decoded(t, parts[2])
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
	if len(signature) != 64 || !ecdsa.Verify(key, digest[:], r, s) {
		t.Fatal("the signature is wrong")
	}
	if err := json.Unmarshal(decoded(t, parts[1]), &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

// TestAuthorization: a token is for one push service, and serves again until it is nearly over.
func TestAuthorization(t *testing.T) {
	scalar, err := newKey()
	if err != nil {
		t.Fatal(err)
	}
	v, err := newVAPID(scalar, "mailto:live@example.org")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1_800_000_000, 0)
	v.now = func() time.Time { return now }
	header := func(endpoint string) string {
		u, err := url.Parse(endpoint)
		if err != nil {
			t.Fatal(err)
		}
		h, err := v.authorization(u)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	first := header("https://push.example.net/one")
	c := claimsOf(t, first)
	if c.Aud != "https://push.example.net" || c.Sub != "mailto:live@example.org" || c.Exp != now.Add(tokenLife).Unix() {
		t.Errorf("the claims are %+v", c)
	}
	if header("https://push.example.net:443/two") != first {
		t.Error("another reader of the same service has another token")
	}
	if c := claimsOf(t, header("https://push.example.net:8443/")); c.Aud != "https://push.example.net:8443" {
		t.Errorf("the audience is %q", c.Aud)
	}
	now = now.Add(tokenLife - tokenSpare + time.Second)
	if c := claimsOf(t, header("https://push.example.net/one")); c.Exp != now.Add(tokenLife).Unix() {
		t.Error("a token serves until it is over")
	}
	for i := range 3 * mostTokens {
		header(fmt.Sprintf("https://%d.example.net/", i))
	}
	if len(v.tokens) > mostTokens {
		t.Errorf("%d tokens are kept", len(v.tokens))
	}
}

// TestOneKey: nodes that start at the same time have the same key.
func TestOneKey(t *testing.T) {
	store := memory.New(nil)
	defer store.Close()
	keys := make([][]byte, 20)
	var all sync.WaitGroup
	for i := range keys {
		all.Go(func() {
			var err error
			if keys[i], err = loadKey(t.Context(), store.Records()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, key := range keys {
		if len(key) != scalarSize || !bytes.Equal(key, keys[0]) {
			t.Fatalf("the keys are %x", keys)
		}
	}
}

func TestWrongOptions(t *testing.T) {
	for field, o := range map[string]Options{
		"contact":     {},
		"urgency":     {Contact: "mailto:a@example.org", Urgency: "huge"},
		"services":    {Contact: "mailto:a@example.org", Services: []string{"https://push.example.net"}},
		"private_key": {Contact: "https://example.org", PrivateKey: "abc"},
	} {
		o := o.withDefaults()
		var wrong *motacilla.FieldError
		if err := o.validate(); !errors.As(err, &wrong) || wrong.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	for contact, right := range map[string]bool{
		"mailto:live@example.org": true, "https://example.org/contact": true, "live@example.org": false, "mailto:": false,
		"http://example.org": false, "mailto:Ada <ada@example.org>": false,
	} {
		if validContact(contact) != right {
			t.Errorf("%q: %v", contact, !right)
		}
	}
	scalar, err := newKey()
	if err != nil {
		t.Fatal(err)
	}
	given := Options{Contact: "https://example.org", PrivateKey: encode64(scalar)}
	if o := given.withDefaults(); o.validate() != nil {
		t.Error("a key that is right is refused")
	}
}
