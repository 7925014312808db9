package people

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"net/http"
	"testing"
)

// authenticator keeps passkeys, as a browser and a phone do.
type authenticator struct {
	origin   string
	keys     []*virtualKey
	noVerify bool   // it does not ask who holds it
	flags    byte   // more flags: 8 is backup eligible, 16 is backed up
	step     uint32 // what its counts grow by
	maker    string // what it says of itself, in CBOR: its format and its statement; empty: nothing
}

type virtualKey struct {
	id, handle []byte
	rp         string
	key        *ecdsa.PrivateKey
	count      uint32
}

func newAuthenticator() *authenticator { return &authenticator{origin: "http://" + host, step: 1} }

type b64 []byte

func (b b64) MarshalText() ([]byte, error) {
	return []byte(base64.RawURLEncoding.EncodeToString(b)), nil
}

func (b *b64) UnmarshalText(s []byte) (err error) {
	*b, err = base64.RawURLEncoding.DecodeString(string(s))
	return err
}

// creation and assertion are the options, as far as an authenticator reads them.
type creation struct {
	Challenge b64 `json:"challenge"`
	RP        struct {
		ID string `json:"id"`
	} `json:"rp"`
	User struct {
		ID          b64    `json:"id"`
		Name        string `json:"name"`
		DisplayName string `json:"displayName"`
	} `json:"user"`
	Exclude   []struct{ ID b64 } `json:"excludeCredentials"`
	Selection struct {
		ResidentKey      string `json:"residentKey"`
		UserVerification string `json:"userVerification"`
	} `json:"authenticatorSelection"`
	Parameters []struct {
		Alg int `json:"alg"`
	} `json:"pubKeyCredParams"`
	Attestation string `json:"attestation"`
}

type assertion struct {
	Challenge        b64                `json:"challenge"`
	RPID             string             `json:"rpId"`
	UserVerification string             `json:"userVerification"`
	Allow            []struct{ ID b64 } `json:"allowCredentials"`
}

func (a *authenticator) clientData(kind string, challenge []byte) []byte {
	data, _ := json.Marshal(map[string]any{
		"type": kind, "challenge": base64.RawURLEncoding.EncodeToString(challenge), "origin": a.origin, "crossOrigin": false,
	})
	return data
}

func (a *authenticator) data(k *virtualKey, flags byte) []byte {
	rp := sha256.Sum256([]byte(k.rp))
	flags |= 1 | a.flags // present
	if !a.noVerify {
		flags |= 4
	}
	return binary.BigEndian.AppendUint32(append(rp[:], flags), k.count)
}

// create makes a passkey.
func (a *authenticator) create(o creation) any {
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	k := &virtualKey{id: []byte(rand.Text()), handle: o.User.ID, rp: o.RP.ID, key: key, count: a.step}
	a.keys = append(a.keys, k)
	point, _ := key.PublicKey.Bytes() // 4, x, y
	auth := a.data(k, 64)
	auth = append(auth, make([]byte, 16)...) // no make
	auth = binary.BigEndian.AppendUint16(auth, uint16(len(k.id)))
	auth = append(auth, k.id...)
	// CBOR: {1: 2, 3: -7, -1: 1, -2: x, -3: y}
	auth = append(auth, 0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32)
	auth = append(auth, point[1:33]...)
	auth = append(auth, 0x22, 0x58, 32)
	auth = append(auth, point[33:]...)
	object := []byte("\xa3" + cmp.Or(a.maker, "\x63fmt\x64none\x67attStmt\xa0") + "\x68authData\x59")
	object = append(binary.BigEndian.AppendUint16(object, uint16(len(auth))), auth...)
	return map[string]any{
		"id": b64(k.id), "rawId": b64(k.id), "type": "public-key", "authenticatorAttachment": "platform",
		"clientExtensionResults": map[string]any{"credProps": map[string]any{"rk": true}}, // nobody has asked for it
		"response": map[string]any{
			"clientDataJSON": b64(a.clientData("webauthn.create", o.Challenge)), "attestationObject": b64(object),
			"transports": []string{"internal", "hybrid"},
		},
	}
}

// get signs with the newest passkey.
func (a *authenticator) get(o assertion) any {
	k := a.keys[len(a.keys)-1]
	k.count += a.step
	auth, client := a.data(k, 0), a.clientData("webauthn.get", o.Challenge)
	sum := sha256.Sum256(client)
	digest := sha256.Sum256(append(auth[:len(auth):len(auth)], sum[:]...))
	signature, _ := ecdsa.SignASN1(rand.Reader, k.key, digest[:])
	return map[string]any{
		"id": b64(k.id), "rawId": b64(k.id), "type": "public-key", "clientExtensionResults": map[string]any{},
		"response": map[string]any{
			"clientDataJSON": b64(client), "authenticatorData": b64(auth), "signature": b64(signature), "userHandle": b64(k.handle),
		},
	}
}

// optionsOf asks for options.
func optionsOf[O any](b *browser, ask map[string]any, header ...string) (id string, o O) {
	b.Helper()
	got := decoded[struct {
		ID        string `json:"id"`
		PublicKey O      `json:"publicKey"`
	}](b.rest(http.MethodPost, "/api/access/passkeys/options", ask, header...), http.StatusOK)
	return got.ID, got.PublicKey
}

// passkeySignIn signs in with a passkey.
func (b *browser) passkeySignIn(a *authenticator, header ...string) answer {
	b.Helper()
	id, o := optionsOf[assertion](b, map[string]any{"for": "sign-in"}, header...)
	return b.rest(http.MethodPost, "/api/access/passkeys",
		map[string]any{"id": id, "for": "sign-in", "credential": a.get(o), "next": "/x"}, header...)
}

// passkeyAdd adds a passkey to the own account.
func (b *browser) passkeyAdd(a *authenticator, label string) answer {
	b.Helper()
	id, o := optionsOf[creation](b, map[string]any{"for": "account"})
	return b.rest(http.MethodPost, "/api/access/passkeys",
		map[string]any{"id": id, "for": "account", "credential": a.create(o), "label": label})
}

// passkeyJoin uses an invitation with a passkey.
func (b *browser) passkeyJoin(a *authenticator, secret, login, name string) answer {
	b.Helper()
	id, o := optionsOf[creation](b, map[string]any{"for": "invitation", "secret": secret, "login": login, "name": name})
	return b.rest(http.MethodPost, "/api/access/passkeys", map[string]any{
		"id": id, "for": "invitation", "credential": a.create(o), "label": "Phone", "secret": secret, "login": login, "name": name,
	})
}

func FuzzCredential(f *testing.F) {
	a := newAuthenticator()
	var o creation
	o.Challenge, o.RP.ID, o.User.ID = []byte("challenge challenge challenge"), "localhost", newHandle()
	made, _ := json.Marshal(a.create(o))
	f.Add(made)
	used, _ := json.Marshal(a.get(assertion{Challenge: o.Challenge}))
	f.Add(used)
	f.Add([]byte(`{"id":"AAAA","rawId":"AAAA","type":"public-key","response":{}}`))
	p := fuzzed(f)
	r, _ := http.NewRequest(http.MethodPost, "/", nil)
	r.Host = host
	rp, err := p.relyingParty(r)
	if err != nil {
		f.Fatal(err)
	}
	u := &user{handle: o.User.ID, login: "anna", name: "Anna"}
	_, making, err := register(rp, u)
	if err != nil {
		f.Fatal(err)
	}
	_, using, err := assert(rp)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, credential []byte) {
		if _, err := p.registered(rp, u, making, credential, ""); err == nil {
			t.Fatalf("a passkey for another challenge was made of %q", credential)
		}
		if _, err := p.byAssertion(t.Context(), rp, using, credential); err == nil {
			t.Fatalf("%q signs in", credential)
		}
	})
}
