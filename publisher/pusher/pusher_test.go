package pusher_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/realserver"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/publishertest"
	"github.com/motacilla-live/motacilla/publisher/pusher"
	"github.com/motacilla-live/motacilla/publisher/relay"
)

func TestMain(m *testing.M) { realserver.Main(m) }

func options(s *realserver.Soketi, o relay.Options) *pusher.Options {
	return &pusher.Options{
		Options: o, AppID: realserver.SoketiApp, Key: realserver.SoketiKey, Secret: realserver.SoketiSecret, URL: "http://" + s.Addr,
	}
}

func newApp(t *testing.T, s *realserver.Soketi) *pusher.App {
	t.Helper()
	app, err := pusher.NewApp(options(s, relay.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	return app
}

func TestRelay(t *testing.T) {
	s := realserver.NewSoketi(t)
	app := newApp(t, s)
	publishertest.RunRelay(t, &publishertest.RelayHub{
		New: func(kit *relay.Kit, o relay.Options) (publisher.Publisher, error) {
			return pusher.New(kit, options(s, o))
		},
		Follow: func(ctx context.Context, ch motacilla.ChannelID, ready func()) iter.Seq2[*motacilla.Update, error] {
			return subscribe(ctx, s.Addr, app.Channel(ch, false), nil, ready)
		},
		Stop:     func(testing.TB) { s.Kill() },
		Start:    s.Restart,
		MaxBytes: 10_000,
	})
}

// private is a site whose private channels are relayed.
type private struct {
	*publishertest.Site
	soketi *realserver.Soketi
	app    *pusher.App
	url    string // that authorises
}

func newPrivate(t *testing.T) *private {
	t.Helper()
	s := &private{Site: publishertest.NewSite(t, nil), soketi: realserver.NewSoketi(t)}
	hubs := relay.NewClient()
	t.Cleanup(hubs.Close)
	p, err := pusher.New(&relay.Kit{Feed: s.Feed, Source: s.Source, Hubs: hubs}, options(s.soketi, relay.Options{Name: "pusher", Private: true}))
	if err != nil {
		t.Fatal(err)
	}
	s.app, s.url = newApp(t, s.soketi), s.Add(p)
	s.Eventually("the relay leads", func() bool { return p.Status().Leading })
	return s
}

// ask asks for a token, as a client does.
func (s *private) ask(server *publishertest.Server, token string, form url.Values) (status int, body string) {
	s.Helper()
	req, err := http.NewRequestWithContext(s.Context(), http.MethodPost, server.URL+s.url, strings.NewReader(form.Encode()))
	if err != nil {
		s.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := server.HTTP.Do(req)
	if err != nil {
		s.Fatal(err)
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		s.Fatal(err)
	}
	return resp.StatusCode, string(content)
}

// TestPrivate: only who may read a private channel gets its updates from the hub.
func TestPrivate(t *testing.T) {
	s := newPrivate(t)
	server := s.Serve(nil)
	name := s.app.Channel(publishertest.Members, true)
	var refused error
	for _, err := range subscribe(t.Context(), s.soketi.Addr, name, nil, func() {}) {
		refused = err
	}
	if refused == nil || !strings.Contains(refused.Error(), "subscription_error") {
		t.Errorf("a subscription without a token ends with %v", refused)
	}
	auth := func(socketID string) (string, error) {
		status, body := s.ask(server, publishertest.Secret, url.Values{"socket_id": {socketID}, "channel_name": {name}})
		var answer struct {
			Auth string `json:"auth"`
		}
		if err := json.Unmarshal([]byte(body), &answer); err != nil || status != http.StatusOK {
			return "", fmt.Errorf("status %d: %s", status, body)
		}
		return answer.Auth, nil
	}
	posted := make(chan struct{})
	ready := func() {
		go func() {
			defer close(posted)
			s.Post(publishertest.Members, "A secret")
		}()
	}
	for u, err := range subscribe(t.Context(), s.soketi.Addr, name, auth, ready) {
		if err != nil {
			t.Fatal(err)
		}
		if u.Channel != publishertest.Members {
			t.Errorf("the update is of channel %s", u.Channel)
		}
		break
	}
	<-posted
}

// TestAuthorize has the route refuse.
func TestAuthorize(t *testing.T) {
	s := newPrivate(t)
	server := s.Serve(nil)
	long := motacilla.ChannelID(strings.Repeat("l:", 100))
	s.Create(long, motacilla.Private)
	form := func(socket, channel, id string) url.Values {
		return url.Values{"socket_id": {socket}, "channel_name": {channel}, "channel_id": {id}}
	}
	members := s.app.Channel(publishertest.Members, true)
	for name, c := range map[string]struct {
		token string
		form  url.Values
		want  int
	}{
		"may read":             {publishertest.Secret, form("1.2", members, ""), http.StatusOK},
		"no token":             {"", form("1.2", members, ""), http.StatusForbidden},
		"wrong token":          {"wrong", form("1.2", members, ""), http.StatusForbidden},
		"public channel":       {"", form("1.2", s.app.Channel(publishertest.Channel, false), ""), http.StatusBadRequest},
		"no such channel":      {publishertest.Secret, form("1.2", s.app.Channel("other", true), ""), http.StatusNotFound},
		"another's ID":         {"", form("1.2", members, string(publishertest.Channel)), http.StatusBadRequest},
		"no ID":                {publishertest.Secret, form("1.2", "private-live-", ""), http.StatusBadRequest},
		"long":                 {publishertest.Secret, form("1.2", s.app.Channel(long, true), string(long)), http.StatusOK},
		"long, without its ID": {publishertest.Secret, form("1.2", s.app.Channel(long, true), ""), http.StatusBadRequest},
		"no socket":            {publishertest.Secret, form("", members, ""), http.StatusBadRequest},
		"forged socket":        {publishertest.Secret, form("1.2:"+members, members, ""), http.StatusBadRequest},
		"too long":             {publishertest.Secret, form("1.2", members, strings.Repeat("x", 5000)), http.StatusBadRequest},
	} {
		if status, body := s.ask(server, c.token, c.form); status != c.want {
			t.Errorf("%s: status %d, want %d: %s", name, status, c.want, body)
		}
	}
}

// TestPusherJS has Pusher's own library for JavaScript follow a private channel, and compares our tokens with those of its library
// for servers.
func TestPusherJS(t *testing.T) {
	s := newPrivate(t)
	server := s.Serve(nil)
	ch := motacilla.ChannelID("a:b~c+d")
	s.Create(ch, motacilla.Private)
	cmd := exec.CommandContext(t.Context(), "node", "follow.js", s.soketi.Addr, realserver.SoketiKey, s.app.Channel(ch, true), "update",
		server.URL+s.url, publishertest.Secret)
	cmd.Dir = s.soketi.Folder
	out, err := cmd.StdoutPipe()
	var errs strings.Builder
	cmd.Stderr = &errs
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	lines := json.NewDecoder(out)
	next := func(into any) {
		t.Helper()
		if err := lines.Decode(into); err != nil {
			t.Fatalf("%v: %s", err, &errs)
		}
	}
	var subscribed string
	if next(&subscribed); subscribed != "subscribed" {
		t.Fatal(subscribed)
	}
	s.Post(ch, "A <b>secret</b>")
	var u motacilla.Update
	if next(&u); u.Channel != ch || len(u.Renders) != 1 || !strings.Contains(u.Renders[0].Content, "secret") {
		t.Errorf("the library got %+v", u)
	}
	sign := exec.CommandContext(t.Context(), "node", "-e", `
		const Pusher = require("pusher");
		const [appId, key, secret, socket, channel] = process.argv.slice(1);
		console.log(new Pusher({ appId, key, secret, host: "localhost" }).authorizeChannel(socket, channel).auth);`,
		realserver.SoketiApp, realserver.SoketiKey, realserver.SoketiSecret, "12.34", s.app.Channel(ch, true))
	sign.Dir = s.soketi.Folder
	want, err := sign.Output()
	if err != nil {
		t.Fatal(err)
	}
	if got := s.app.Authorize("12.34", ch); got != strings.TrimSpace(string(want)) {
		t.Errorf("the token is %s, Pusher's library makes %s", got, want)
	}
}

func TestInvalid(t *testing.T) {
	site := publishertest.NewSite(t, nil)
	kit := &relay.Kit{Feed: site.Feed, Source: site.Source}
	for field, change := range map[string]func(*pusher.Options){
		"app_id":  func(o *pusher.Options) { o.AppID = "a/b" },
		"key":     func(o *pusher.Options) { o.Key = "" },
		"secret":  func(o *pusher.Options) { o.Secret = "" },
		"cluster": func(o *pusher.Options) { o.Cluster = "eu" },
		"url":     func(o *pusher.Options) { o.URL = "ftp://x" },
		"prefix":  func(o *pusher.Options) { o.Prefix = "private-x" },
		"event":   func(o *pusher.Options) { o.Event = "pusher:x" },
		"name":    func(o *pusher.Options) { o.Name = "-" },
	} {
		o := &pusher.Options{AppID: "1", Key: "k", Secret: "s", URL: "http://localhost"}
		change(o)
		_, err := pusher.New(kit, o)
		var wrong *motacilla.FieldError
		if !errors.As(err, &wrong) || wrong.Field != field {
			t.Errorf("%s: the error is %v", field, err)
		}
	}
	for _, o := range []pusher.Options{{}, {Cluster: "eu"}} {
		o.AppID, o.Key, o.Secret = "1", "k", "s"
		if _, err := pusher.New(kit, &o); err != nil {
			t.Error(err)
		}
	}
}
