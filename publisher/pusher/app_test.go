package pusher

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
)

// allowed is what Pusher's own libraries allow as the name of a channel.
var allowed = regexp.MustCompile(`^[-a-zA-Z0-9_=@,.;]+$`)

func testApp(t testing.TB) *App {
	t.Helper()
	app, err := NewApp(&Options{AppID: "3", Key: "278d425bdf160c739803", Secret: "7ad3773142a6692b25b8"})
	if err != nil {
		t.Fatal(err)
	}
	return app
}

// TestSigned compares with the examples of Pusher's documentation.
func TestSigned(t *testing.T) {
	app := testApp(t)
	body := []byte(`{"name":"foo","channels":["project-3"],"data":"{\"some\":\"data\"}"}`)
	u, err := url.Parse(app.signed("POST", "events", body, time.Unix(1353088179, 0)))
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	if got, want := q.Get("body_md5"), "ec365a775a4cd0599faeb73354201b6f"; got != want {
		t.Errorf("body_md5 is %s, want %s", got, want)
	}
	if got, want := q.Get("auth_signature"), "da454824c97ba181a32ccc17a72625ba02771f50b50e1e7430e47a1f3f457e6c"; got != want {
		t.Errorf("auth_signature is %s, want %s", got, want)
	}
	if u.Host != "api.pusherapp.com" || u.Path != "/apps/3/events" {
		t.Errorf("the URL is %s", u)
	}
	const want = "58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4"
	if got := app.sign("1234.1234:private-foobar"); got != want {
		t.Errorf("the signature of a subscription is %s, want %s", got, want)
	}
}

// FuzzChannel: names are allowed by Pusher, lead back to the channel, and tell whether it is private.
func FuzzChannel(f *testing.F) {
	app := testApp(f)
	for _, s := range []string{"match-42", "private-x", "a~b:c+d", "==x", "=7e", strings.Repeat("l", 255), strings.Repeat(":", 60), "A", "a", "presence-a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ch, err := motacilla.ParseChannelID(s)
		if err != nil {
			return
		}
		for _, isPrivate := range []bool{true, false} {
			name := app.Channel(ch, isPrivate)
			if !allowed.MatchString(name) || len(name) > maxName || strings.HasPrefix(name, "private-") != isPrivate {
				t.Errorf("the name of %q is %q", ch, name)
			}
			if isPrivate {
				if back, err := app.parse(name, string(ch)); err != nil || back != ch {
					t.Errorf("%q leads to %q, %v", name, back, err)
				}
				if back, err := app.parse(name, ""); strings.Contains(name, "==") == (err == nil) || err == nil && back != ch {
					t.Errorf("%q alone leads to %q, %v", name, back, err)
				}
			} else if _, err := app.parse(name, string(ch)); err == nil {
				t.Errorf("%q is taken for a private channel", name)
			}
		}
	})
}
