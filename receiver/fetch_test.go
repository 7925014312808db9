package receiver_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/outbound"
	"github.com/motacilla-live/motacilla/outbound/outboundtest"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/work"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

func TestFetchURL(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if wait := r.URL.Query().Get("wait"); wait != "" {
			w.Header().Set("Retry-After", wait)
		}
		status := 0
		if _, err := fmt.Sscanf(r.URL.Path, "/%d", &status); err != nil {
			status = http.StatusOK
		}
		w.WriteHeader(status)
		fmt.Fprint(w, "an image")
	}))
	defer server.Close()
	client := outbound.New(&outbound.Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}})
	defer client.Close()
	fetch := receiver.FetchURL(client)
	body, err := fetch(t.Context(), receiver.File{Ref: server.URL + "/image.png"})
	if err != nil {
		t.Fatal(err)
	}
	if data, err := io.ReadAll(body); err != nil || string(data) != "an image" {
		t.Errorf("%q, %v", data, err)
	}
	_ = body.Close()
	for path, want := range map[string]struct {
		permanent bool
		wait      time.Duration
	}{
		"/404": {true, 0}, "/403": {true, 0}, "/410": {true, 0}, "/429": {}, "/408": {}, "/425": {}, "/500": {}, "/503": {}, "/204": {},
		"/429?wait=60": {false, time.Minute}, "/503?wait=999999": {false, time.Hour}, "/404?wait=60": {false, time.Minute},
	} {
		_, err := fetch(t.Context(), receiver.File{Ref: server.URL + path})
		var later *motacilla.RetryError
		wait := time.Duration(0)
		if errors.As(err, &later) {
			wait = later.After
		}
		if err == nil || isPermanent(err) != want.permanent || wait != want.wait {
			t.Errorf("%s: %v, permanent %v, again after %v", path, err, isPermanent(err), wait)
		}
	}
	server.Close()
	if _, err := fetch(t.Context(), receiver.File{Ref: server.URL + "/x?token=a-secret"}); err == nil || isPermanent(err) || strings.Contains(err.Error(), "a-secret") {
		t.Errorf("a server that is down: %v", err)
	}
}

// Addresses that no client may call are refused at once, and for good.
func TestFetchURLRefusesPrivateAddresses(t *testing.T) {
	inside := outboundtest.NewPrivate(t)
	redirecting, paths := inside.Redirects(t)
	fetch := receiver.FetchURL(outboundtest.NewClient(t))
	addresses := append(inside.Addresses(), "", "/etc/passwd", "//127.0.0.2/")
	for _, path := range paths {
		addresses = append(addresses, redirecting.URL+path)
	}
	for _, address := range addresses {
		_, err := fetch(t.Context(), receiver.File{Ref: address})
		if !errors.Is(err, outbound.ErrRefused) || !isPermanent(err) || strings.Contains(err.Error(), "a-password") {
			t.Errorf("%s: %v", address, err)
		}
	}
	inside.Untouched(t)
}

// An address may have a secret. It is in no log, also if the image can't be had.
func TestAddressesAreNotLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNewsroom(t)
		core, logs := observer.New(zapcore.DebugLevel)
		kit := &receiver.Kit{Sink: n.store, Records: n.store.Records(), Images: n.album}
		in := receiver.NewIngest(n.store, "test", nil)
		client := outbound.New(nil)
		defer client.Close()
		d := &desk{newsroom: n, in: in, files: receiver.NewFiles(in, kit, receiver.FetchURL(client), zap.New(core))}
		if err := d.files.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		d.takes("m", "Kick-off", 1, receiver.FileAt("https://user@example.org/image.png?token=a-secret"))
		n.expect("at once", "m", "Kick-off")
		d.closes()
		if logs.Len() == 0 {
			t.Error("nothing was logged")
		}
		for _, l := range logs.All() {
			if line := fmt.Sprint(l.Message, l.ContextMap()); strings.Contains(line, "a-secret") {
				t.Errorf("the log has the secret: %s", line)
			}
		}
	})
}

// isPermanent reports whether err is one of work.Permanent.
func isPermanent(err error) bool {
	permanent := work.Permanent(nil)
	return reflect.TypeOf(err) == reflect.TypeOf(permanent)
}
