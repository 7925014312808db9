package client

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func FuzzTicket(f *testing.F) {
	const update = `{"channel":"m","from":0,"revision":7,"renders":{},"removals":[]}`
	f.Add([]byte(`{"update":` + update + `,"check_ms":60000,"hub":{"protocol":"mercure","url":"https://hub.example/x?topic=m","token":"t"}}`))
	f.Add([]byte(`{"update":` + update + `,"check_ms":-9223372036854775808,"hub":{"protocol":"pusher","url":"wss://h/app/k","channel":"m","auth":"../auth/"}}`))
	f.Add([]byte(`{"update":` + update + `,"check_ms":1,"hub":{"url":"https://hub.example/"}}`))
	f.Add([]byte(`{"update":` + update + `,"hub":{"url":"//x@::0/%2f?a#b","token":"a\nb"}}`))
	f.Add([]byte(`{"update":null,"hub":null}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		base, _ := url.Parse("https://a.example/blog")
		c := &Client{base: base}
		k, err := (&follower{channel: "m", ladder: &ladder{Client: c}}).decodeTicket(base.JoinPath("live/mercure/m/"), body)
		if err != nil {
			if final(err) || !unusable(err) {
				t.Fatalf("%v is taken for what the caller did wrong", err)
			}
			return
		}
		if k.update.Channel != "m" || k.check < shortestCheck || k.check > longestStay {
			t.Fatalf("%+v", k)
		}
		for _, u := range []*url.URL{k.hub, k.auth} {
			if u == nil {
				continue
			}
			req, err := http.NewRequest(http.MethodGet, u.String(), nil)
			if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
				t.Fatalf("%s can't be asked: %v", u, err)
			}
			req.Header.Set("Authorization", "Bearer "+k.token)
			if strings.ContainsFunc(req.Header.Get("Authorization"), isControl) {
				t.Fatal("a token breaks the header")
			}
		}
	})
}

// heard notes what a dialect hands on.
type heard struct {
	begun    int
	messages [][]byte
}

func (h *heard) subscribed()         { h.begun++ }
func (h *heard) message(data []byte) { h.messages = append(h.messages, data) }

// fuzzDialect gives a dialect frames, one a line. It says nothing that is not JSON, and waits for no longer than longestStay.
func fuzzDialect(f *testing.F, fresh func(t *talk) dialect, event func(channel string) string) {
	f.Fuzz(func(t *testing.T, frames string) {
		var out heard
		said := 0
		k := &talk{ticket: &ticket{channel: "m", auth: &url.URL{}}, sink: &out, send: func(v any) error {
			said++
			_, err := json.Marshal(v)
			if err != nil {
				t.Errorf("%+v can't be sent: %v", v, err)
			}
			return err
		}, permit: func(string) (string, error) { return "a token", nil }}
		d := fresh(k)
		if err := d.open(); err != nil {
			t.Fatal(err)
		}
		lines := 0
		for frame := range strings.Lines(frames) {
			lines++
			if err := d.take([]byte(frame)); err != nil {
				if final(err) {
					t.Fatalf("%v is taken for what the server says", err)
				}
				break
			}
			if quiet, _ := d.rhythm(); quiet < 0 || quiet > longestStay {
				t.Fatalf("waits for %v", quiet)
			}
		}
		if said > lines+1 || out.begun > lines || len(out.messages) > lines {
			t.Fatalf("of %d frames came %d messages, %d subscriptions and %d answers", lines, len(out.messages), out.begun, said)
		}
		d = fresh(k) // whatever else came, another channel's updates are left out
		before := len(out.messages)
		if err := d.take([]byte(event("other"))); err != nil || len(out.messages) != before {
			t.Fatalf("an event of another channel: %v", err)
		}
		if err := d.take([]byte(event("m"))); err != nil || len(out.messages) != before+1 {
			t.Fatalf("an event: %v", err)
		}
	})
}

func FuzzCentrifugo(f *testing.F) {
	f.Add(`{"id":1,"connect":{"ping":25,"pong":true,"subs":{"m":{}}}}` + "\n{}\n" + `{"push":{"channel":"m","pub":{"data":{}}}}`)
	f.Add(`{"id":1,"connect":{"ping":-9223372036854775808}}` + "\n" + `{"id":2,"subscribe":null}` + "\n" + `{"push":{"disconnect":{"code":3005}}}`)
	f.Add(`{"id":2,"error":{"code":103,"message":"permission denied"}}`)
	fuzzDialect(f, newCentrifugo, func(channel string) string { return `{"push":{"channel":"` + channel + `","pub":{"data":{}}}}` })
}

func FuzzPusher(f *testing.F) {
	f.Add(`{"event":"pusher:connection_established","data":"{\"socket_id\":\"1.2\",\"activity_timeout\":9223372036854775807}"}` + "\n" +
		`{"event":"pusher_internal:subscription_succeeded","channel":"m","data":{}}` + "\n" + `{"event":"pusher:ping"}`)
	f.Add(`{"event":"pusher:error","data":{"code":4001}}` + "\n")
	f.Add(`{"event":"client-x","channel":"m","data":"{}"}` + "\n" + `{"event":"update","channel":"m","data":null}`)
	fuzzDialect(f, newPusher, func(channel string) string { return `{"event":"update","channel":"` + channel + `","data":"{}"}` })
}

// TestHubFailure: an error of a hub never looks like one of the server, and has no address.
func TestHubFailure(t *testing.T) {
	secret := &url.Error{Op: "Get", URL: "https://hub.example/?token=secret", Err: errSilent}
	for _, delivered := range []bool{false, true} {
		for _, worked := range []bool{false, true} {
			err := hubFailure(secret, delivered, worked)
			if strings.Contains(err.Error(), "secret") || unusable(err) != (!delivered && !worked) {
				t.Errorf("%v, unusable %v", err, unusable(err))
			}
			err = hubFailure(&failure{err: &Error{Status: 404, Title: "Not Found"}, own: true, after: time.Minute}, delivered, worked)
			if final(err) || own(err) || err.(*failure).after != time.Minute { //nolint:errorlint // it is not wrapped
				t.Errorf("%+v", err)
			}
		}
	}
}
