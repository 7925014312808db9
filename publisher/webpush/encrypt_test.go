package webpush

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
)

func decoded(t *testing.T, s string) []byte {
	t.Helper()
	data, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestSealAsRFC8291: the example of RFC 8291, section 5 and appendix A.
func TestSealAsRFC8291(t *testing.T) {
	var w wireSubscription
	w.Endpoint = "https://push.example.net/push/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV"
	w.Keys.P256DH = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
	w.Keys.Auth = "BTBZMqHH6r4Tts7J_aSIgg"
	to, err := w.parse()
	if err != nil {
		t.Fatal(err)
	}
	own, err := ecdh.P256().NewPrivateKey(decoded(t, "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := seal(to, []byte("When I grow up, I want to be a watermelon"), own, [16]byte(decoded(t, "DGv6ra1nlYgDCS1FRnbzlw")))
	if err != nil {
		t.Fatal(err)
	}
	const want = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95b" +
		"Qpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
	if encode64(got) != want {
		t.Errorf("the message is\n%s, want\n%s", encode64(got), want)
	}
}

// browserKeys are what a browser keeps of a subscription.
type browserKeys struct {
	private *ecdh.PrivateKey
	auth    []byte
}

// subscribed returns a subscription and the keys of its browser.
func subscribed(t testing.TB, endpoint string) (*Subscription, browserKeys) {
	t.Helper()
	private, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	auth := make([]byte, authSize)
	_, _ = rand.Read(auth)
	u, err := parseEndpoint(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	return &Subscription{endpoint: u, key: private.PublicKey(), auth: auth}, browserKeys{private, auth}
}

// open decrypts a message as a browser does.
func (b browserKeys) open(t testing.TB, message []byte) string {
	t.Helper()
	if len(message) < headerSize || len(message) > recordSize {
		t.Fatalf("the message has %d bytes", len(message))
	}
	salt, public := message[:saltSize], message[saltSize+5:headerSize]
	sender, err := ecdh.P256().NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	shared, err := b.private.ECDH(sender)
	if err != nil {
		t.Fatal(err)
	}
	derive := func(secret, salt []byte, info string, n int) []byte {
		key, err := hkdf.Key(sha256.New, secret, salt, info, n)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	secret := derive(shared, b.auth, "WebPush: info\x00"+string(b.private.PublicKey().Bytes())+string(public), 32)
	block, err := aes.NewCipher(derive(secret, salt, "Content-Encoding: aes128gcm\x00", 16))
	if err != nil {
		t.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	record, err := gcm.Open(nil, derive(secret, salt, "Content-Encoding: nonce\x00", 12), message[headerSize:], nil)
	if err != nil {
		t.Fatal(err)
	}
	text, ok := strings.CutSuffix(string(record), "\x02")
	if !ok {
		t.Fatal("the record has no delimiter")
	}
	return text
}

// TestEncrypt: messages of all sizes can be read, and no two are alike.
func TestEncrypt(t *testing.T) {
	to, keys := subscribed(t, "https://push.example.net/a")
	known := map[string]bool{}
	for _, size := range []int{0, 1, 1000, MaxPayload, MaxPayload} {
		text := strings.Repeat("x", size)
		message, err := encrypt(to, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if keys.open(t, message) != text {
			t.Errorf("a message of %d bytes comes as another one", size)
		}
		if known[string(message)] {
			t.Error("two messages are alike")
		}
		known[string(message)] = true
	}
	if _, err := encrypt(to, make([]byte, MaxPayload+1)); !errors.Is(err, errTooLong) {
		t.Errorf("one byte too many: %v", err)
	}
	if MaxPayload != 3993 {
		t.Errorf("a message may have %d bytes", MaxPayload)
	}
}
