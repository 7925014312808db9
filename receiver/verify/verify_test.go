package verify_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/receiver/verify"
)

func headers(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

func sign(new func() hash.Hash, secret, text string) []byte {
	mac := hmac.New(new, []byte(secret))
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

func made(t testing.TB, v receiver.Verifier, err error) receiver.Verifier {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// The examples that the sources' own references give.
func TestPublishedExamples(t *testing.T) {
	github, err := verify.GitHub("It's a Secret to Everybody")
	github = made(t, github, err)
	if err := github.Verify(headers("X-Hub-Signature-256",
		"sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"), []byte("Hello, World!"), time.Now()); err != nil {
		t.Error("GitHub:", err)
	}
	slack, err := verify.Slack(0, "8f742231b10e8888abcd99yyyzzz85a5")
	slack = made(t, slack, err)
	body := "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar" +
		"&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com" +
		"%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
	if err := slack.Verify(headers("X-Slack-Request-Timestamp", "1531420618", "X-Slack-Signature",
		"v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"), []byte(body), time.Unix(1531420618, 0)); err != nil {
		t.Error("Slack:", err)
	}
	for _, secret := range []string{"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"} {
		standard, err := verify.Standard(0, secret)
		standard = made(t, standard, err)
		for signature, ok := range map[string]bool{
			"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=":                                                            true,
			"v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc= v2,x v1a,y v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=": true,
			"v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=":                                                            false,
			"v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=":                                                            false,
			"g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=":                                                               false,
		} {
			h := headers("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp", "1614265330", "webhook-signature", signature)
			if err := standard.Verify(h, []byte(`{"test": 2432232314}`), time.Unix(1614265330, 0)); (err == nil) != ok {
				t.Errorf("Standard Webhooks, %s: %v", signature, err)
			}
		}
	}
}

// way is a verifier and a request that it accepts at the time now.
type way struct {
	name    string
	make    func(secrets ...string) (receiver.Verifier, error)
	secrets [2]string
	headers func(secret, body string, at time.Time) http.Header
	timed   bool
}

func ways() []way {
	two := [2]string{"first secret", "second secret"}
	seconds := func(at time.Time) string { return fmt.Sprint(at.Unix()) }
	key := func(s string) string { return "whsec_" + base64.StdEncoding.EncodeToString([]byte(s)) }
	return []way{
		{"github", verify.GitHub, two, func(s, b string, _ time.Time) http.Header {
			return headers("X-Hub-Signature-256", "sha256="+hex.EncodeToString(sign(sha256.New, s, b)))
		}, false},
		{"stripe", func(s ...string) (receiver.Verifier, error) { return verify.Stripe(0, s...) }, two,
			func(s, b string, at time.Time) http.Header {
				sum := hex.EncodeToString(sign(sha256.New, s, seconds(at)+"."+b))
				return headers("Stripe-Signature", "t="+seconds(at)+",v1="+strings.Repeat("00", 32)+",v1="+sum+",v0=1234")
			}, true},
		{"slack", func(s ...string) (receiver.Verifier, error) { return verify.Slack(0, s...) }, two,
			func(s, b string, at time.Time) http.Header {
				sum := hex.EncodeToString(sign(sha256.New, s, "v0:"+seconds(at)+":"+b))
				return headers("X-Slack-Signature", "v0="+sum, "X-Slack-Request-Timestamp", seconds(at))
			}, true},
		{"standard", func(s ...string) (receiver.Verifier, error) { return verify.Standard(0, s...) },
			[2]string{key("first secret"), key("second secret")}, func(s, b string, at time.Time) http.Header {
				raw, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(s, "whsec_"))
				sum := base64.StdEncoding.EncodeToString(sign(sha256.New, string(raw), "msg_1."+seconds(at)+"."+b))
				return headers("webhook-id", "msg_1", "webhook-timestamp", seconds(at), "webhook-signature", "v1,"+sum)
			}, true},
		{"websub sha1", verify.WebSub, two, func(s, b string, _ time.Time) http.Header {
			return headers("X-Hub-Signature", "sha1="+hex.EncodeToString(sign(sha1.New, s, b)))
		}, false},
		{"websub sha384", verify.WebSub, two, func(s, b string, _ time.Time) http.Header {
			return headers("X-Hub-Signature", "sha384="+hex.EncodeToString(sign(sha512.New384, s, b)))
		}, false},
		{"websub sha512", verify.WebSub, two, func(s, b string, _ time.Time) http.Header {
			return headers("X-Hub-Signature", "sha512="+hex.EncodeToString(sign(sha512.New, s, b)))
		}, false},
		{"hmac", func(s ...string) (receiver.Verifier, error) {
			return verify.HMAC(verify.HMACOptions{Header: "X-Sig", Algorithm: "sha512", Encoding: "base64", Timestamp: "X-Time",
				Signed: "{X-Kind}|{timestamp}|{body}|end", Tolerance: Tolerance}, s...)
		}, two, func(s, b string, at time.Time) http.Header {
			sum := base64.StdEncoding.EncodeToString(sign(sha512.New, s, "score|"+seconds(at)+"|"+b+"|end"))
			return headers("X-Sig", sum, "X-Time", seconds(at), "X-Kind", "score")
		}, true},
		{"bearer", verify.Bearer, two, func(s, _ string, _ time.Time) http.Header {
			return headers("Authorization", "bearer "+s)
		}, false},
		{"basic", verify.Basic, [2]string{"ann:first secret", "ann:second:secret"}, func(s, _ string, _ time.Time) http.Header {
			return headers("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(s)))
		}, false},
		{"header", func(s ...string) (receiver.Verifier, error) { return verify.Header("X-Gitlab-Token", s...) }, two,
			func(s, _ string, _ time.Time) http.Header { return headers("X-Gitlab-Token", s) }, false},
	}
}

const Tolerance = verify.Tolerance

func TestEachWay(t *testing.T) {
	now, body := time.Unix(1_800_000_000, 0), `{"goal":true}`
	for _, w := range ways() {
		t.Run(w.name, func(t *testing.T) {
			v, err := w.make(w.secrets[:]...)
			v = made(t, v, err)
			for _, s := range w.secrets { // both are in force
				if err := v.Verify(w.headers(s, body, now), []byte(body), now); err != nil {
					t.Fatal(err)
				}
			}
			refused := func(what string, h http.Header, body string, at time.Time) {
				t.Helper()
				err := v.Verify(h, []byte(body), at)
				if !errors.Is(err, motacilla.ErrUnauthorized) {
					t.Fatalf("%s: %v", what, err)
				}
				for _, s := range w.secrets {
					right := w.headers(s, body, at)
					for _, secret := range append(strings.Split(s, ":"), right.Get("X-Hub-Signature-256"), right.Get("X-Sig")) {
						if len(secret) > 5 && strings.Contains(err.Error(), strings.TrimPrefix(secret, "sha256=")) {
							t.Errorf("%s: the error tells the secret: %v", what, err)
						}
					}
				}
			}
			other := "third secret"
			switch w.name {
			case "standard":
				other = "whsec_" + base64.StdEncoding.EncodeToString([]byte(other))
			case "basic":
				other = "ann:third"
			}
			refused("another secret", w.headers(other, body, now), body, now)
			refused("nothing", http.Header{}, body, now)
			good := w.headers(w.secrets[0], body, now)
			for name, values := range good {
				h := good.Clone()
				h.Del(name)
				refused("without "+name, h, body, now)
				h = good.Clone()
				h[name] = append(h[name], values[0])
				refused(name+" twice", h, body, now)
				for _, value := range []string{"", " ", "v1=", "t=1", "sha256=", values[0][1:], values[0] + "x", "\x00", strings.Repeat("v1=00,", 5000)} {
					if w.name == "stripe" && value == values[0]+"x" {
						continue // that is only another v0, which nobody looks at
					}
					h.Set(name, value)
					refused(fmt.Sprintf("%s: %.20q", name, value), h, body, now)
				}
			}
			if w.name == "bearer" || w.name == "basic" || w.name == "header" {
				return
			}
			refused("another body", good, body+" ", now)
			if !w.timed {
				return
			}
			for _, at := range []time.Time{now.Add(Tolerance), now.Add(-Tolerance)} {
				if err := v.Verify(good, []byte(body), at); err != nil {
					t.Errorf("at the end of the tolerance: %v", err)
				}
			}
			refused("too old", good, body, now.Add(Tolerance+time.Second))
			refused("too new", good, body, now.Add(-Tolerance-time.Second))
		})
	}
}

func TestWrongOptions(t *testing.T) {
	field := func(_ receiver.Verifier, err error) string {
		var f *motacilla.FieldError
		if !errors.As(err, &f) {
			return fmt.Sprint(err)
		}
		return f.Field
	}
	of := func(o verify.HMACOptions) string { return field(verify.HMAC(o, "secret")) }
	for i, c := range []struct{ got, want string }{
		{field(verify.GitHub()), "secrets"}, {field(verify.GitHub("a", " ")), "secrets[1]"}, {field(verify.Bearer("")), "secrets[0]"},
		{field(verify.Basic("ann")), "secrets[0]"}, {field(verify.Basic("ann:x", "ann:")), "secrets[1]"},
		{field(verify.Standard(0, "whsec_!")), "secrets[0]"}, {field(verify.Standard(0, "whsec_")), "secrets[0]"},
		{field(verify.Standard(-1, "whsec_aaaa")), "tolerance"}, {field(verify.WebSub()), "secrets"},
		{field(verify.Header("", "x")), "header"}, {field(verify.Header("a b", "x")), "header"},
		{field(verify.Value("path", "x")), "secrets"},
		{of(verify.HMACOptions{}), "header"},
		{of(verify.HMACOptions{Header: "X", Algorithm: "md5"}), "algorithm"},
		{of(verify.HMACOptions{Header: "X", Encoding: "hex64"}), "encoding"},
		{of(verify.HMACOptions{Header: "X", Timestamp: "t="}), "separator"},
		{of(verify.HMACOptions{Header: "X", Timestamp: "a b"}), "timestamp"},
		{of(verify.HMACOptions{Header: "X", Signed: "{timestamp}"}), "signed"},
		{of(verify.HMACOptions{Header: "X", Signed: "{timestamp}.{body}"}), "timestamp"},
		{of(verify.HMACOptions{Header: "X", Signed: "{body}", Timestamp: "T"}), "signed"},
		{of(verify.HMACOptions{Header: "X", Signed: "{body}{a b}"}), "signed"},
	} {
		if c.got != c.want {
			t.Errorf("%d: the error is about %s, want %s", i, c.got, c.want)
		}
	}
}

// No header is accepted unless it was made with the secret.
func FuzzHeaders(f *testing.F) {
	now, body := time.Unix(1_800_000_000, 0), []byte(`{"a":1}`)
	all := map[string]receiver.Verifier{}
	for _, w := range ways() {
		v, err := w.make(w.secrets[:]...)
		all[w.name] = made(f, v, err)
	}
	f.Add("t=1800000000,v1=00", "1800000000", "id")
	f.Add("sha256=00", "-1", "")
	f.Add("v1,AAAA v1,", "99999999999999999999", "\x00")
	f.Add("Basic YW5uOng=", "1e9", "a")
	f.Fuzz(func(t *testing.T, signature, timestamp, id string) {
		h := headers("X-Hub-Signature-256", signature, "X-Hub-Signature", signature, "Stripe-Signature", signature,
			"X-Slack-Signature", signature, "webhook-signature", signature, "X-Sig", signature, "Authorization", signature,
			"X-Gitlab-Token", signature, "X-Slack-Request-Timestamp", timestamp, "webhook-timestamp", timestamp, "X-Time", timestamp,
			"webhook-id", id, "X-Kind", id)
		for name, v := range all {
			err := v.Verify(h, body, now)
			if err != nil && !errors.Is(err, motacilla.ErrUnauthorized) {
				t.Fatalf("%s: %v", name, err)
			}
			if err == nil { // it would have to guess a secret
				t.Fatalf("%s accepts %q at %q", name, signature, timestamp)
			}
		}
	})
}
