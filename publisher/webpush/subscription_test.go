package webpush

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
)

// browserJSON is what Chromium gives out.
const browserJSON = `{"endpoint":"https://push.example.net/send/c1KrmpTuRm:APA91bE","expirationTime":null,"keys":{` +
	`"p256dh":"BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4","auth":"BTBZMqHH6r4Tts7J_aSIgg"}}`

func TestParseSubscription(t *testing.T) {
	if s, err := ParseSubscription([]byte(browserJSON)); err != nil || s.String() != "a subscription at push.example.net" {
		t.Errorf("%v, %v", s, err)
	}
	for field, change := range map[string][2]string{
		"subscription": {`{"endpoint":`, `"endpoint":`},
		"endpoint":     {"https://push", "http://push"},
		"keys.auth":    {`"auth":"B`, `"auth":"`},
		"keys.p256dh":  {`"p256dh":"BC`, `"p256dh":"BD`},
	} {
		_, err := ParseSubscription([]byte(strings.Replace(browserJSON, change[0], change[1], 1)))
		var wrong *motacilla.FieldError
		if !errors.As(err, &wrong) || wrong.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	for _, endpoint := range []string{
		"", "push", "//push.example.net/", "https://", "https://a:b@push.example.net/", "https://2130706433/", "https://push.example.net:25/",
		"https://push.example.net/\n", "javascript:alert(1)", "https://push example/",
	} {
		if u, err := parseEndpoint(endpoint); !errors.Is(err, motacilla.ErrInvalid) {
			t.Errorf("%q is %v (%v)", endpoint, u, err)
		}
	}
}

// FuzzParseSubscription: what is taken can be stored, read again and encrypted for, and is an https URL.
func FuzzParseSubscription(f *testing.F) {
	f.Add([]byte(browserJSON))
	f.Add([]byte(`{}`))
	f.Add([]byte(`{"endpoint":"HTTPS://Push.Example.net:443/a#b","keys":{"p256dh":"","auth":"AAAAAAAAAAAAAAAAAAAAAA=="}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := ParseSubscription(data)
		if err != nil {
			if !errors.Is(err, motacilla.ErrInvalid) {
				t.Fatalf("the error is %v", err)
			}
			return
		}
		w := s.wire()
		again, err := w.parse()
		if err != nil || again.wire() != w {
			t.Fatalf("%+v becomes %v (%v)", w, again, err)
		}
		u, err := url.Parse(w.Endpoint)
		if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.Fragment != "" || len(w.Endpoint) > motacilla.MaxURL*3 {
			t.Fatalf("the endpoint is %q (%v)", w.Endpoint, err)
		}
		if _, err := encrypt(s, []byte("text")); err != nil {
			t.Fatal(err)
		}
	})
}
