package certs

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage/memory"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

const day = 24 * time.Hour

func newTestKeeper(t *testing.T, o Options) *Keeper {
	t.Helper()
	if o.Logger == nil {
		o.Logger = zap.NewNop()
	}
	if o.Hosts == nil {
		o.Hosts = []string{"live.example.org"}
	}
	k, err := NewKeeper(o)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func recordsOf(t *testing.T) motacilla.Records {
	t.Helper()
	s := memory.New(nil)
	t.Cleanup(func() { _ = s.Close() })
	return s.Records()
}

// TestRenewal: a certificate is there soon, and is renewed in time, again and again.
func TestRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuthorityOfTest(t, day/2)
		k := newTestKeeper(t, Options{Records: recordsOf(t), Issuer: a, Hosts: []string{"a.example", "b.example"}})
		if _, err := k.Table().Certificate("a.example"); err == nil {
			t.Error("there is a certificate before one is issued")
		}
		k.Start()
		defer k.Stop()
		time.Sleep(time.Second)
		synctest.Wait()
		before := served(t, k, "b.example")
		if served(t, k, "nobody.example").Leaf.DNSNames[0] != "a.example" || served(t, k, "B.example.").Leaf != before.Leaf {
			t.Error("hosts get other hosts' certificates")
		}
		for range 4 * 12 { // four lives of a certificate
			time.Sleep(time.Hour)
			synctest.Wait()
			if left := time.Until(served(t, k, "b.example").Leaf.NotAfter); left < day/6-2*lookAgain {
				t.Fatalf("only %v are left", left)
			}
		}
		if n := a.count(); n < 2*6 || n > 2*7 {
			t.Errorf("%d certificates were issued in the time of four for two hosts", n)
		}
		renewed, failed := k.Counts()
		if int(renewed) != a.count() || failed != 0 {
			t.Errorf("counted %d, %d", renewed, failed)
		}
	})
}

// TestDirectoryDownForADay: the old certificate goes on, attempts are not many, and are logged and counted. The next certificate
// comes within the longest wait after the directory is back.
func TestDirectoryDownForADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuthorityOfTest(t, 4*day)
		log, seen := logs(zapcore.WarnLevel)
		k := newTestKeeper(t, Options{Records: recordsOf(t), Issuer: a, Logger: log})
		k.Start()
		defer k.Stop()
		time.Sleep(63 * time.Hour)
		synctest.Wait()
		old := served(t, k, "live.example.org").Leaf
		a.set(func() { a.down = true })
		begun := time.Now()
		time.Sleep(day + time.Hour)
		synctest.Wait()
		if served(t, k, "live.example.org").Leaf != old {
			t.Error("the old certificate does not go on")
		}
		if n := a.since(begun); n < 20 || n > 35 {
			t.Errorf("%d attempts in a day", n)
		}
		if n := a.since(begun.Add(2 * time.Hour)); a.since(begun)-n > 6 {
			t.Errorf("%d attempts in the first hour", a.since(begun)-n)
		}
		_, failed := k.Counts()
		last := seen.All()[seen.Len()-1]
		if int(failed) != a.since(begun) || seen.Len() != int(failed) || !strings.Contains(last.Message, "the old one goes on") ||
			last.ContextMap()["days_left"] != int64(0) || last.ContextMap()["error"] != errDown.Error() {
			t.Errorf("%d failures, %d are logged, the last as %v", failed, seen.Len(), last)
		}
		a.set(func() { a.down = false })
		time.Sleep(longestWait + longestWait/10)
		synctest.Wait()
		if left := time.Until(served(t, k, "live.example.org").Leaf.NotAfter); left < 3*day {
			t.Errorf("after the directory is back, %v are left", left)
		}
	})
}

// TestExpired: a certificate that nothing renews stays in use, because without one nobody could even see a warning.
func TestExpired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuthorityOfTest(t, day)
		k := newTestKeeper(t, Options{Records: recordsOf(t), Issuer: a})
		k.Start()
		defer k.Stop()
		time.Sleep(time.Hour)
		a.set(func() { a.down = true })
		time.Sleep(2 * day)
		synctest.Wait()
		if left := time.Until(served(t, k, "live.example.org").Leaf.NotAfter); left > 0 {
			t.Errorf("%v are left", left)
		}
	})
}

// TestTwoNodes: nodes share certificates, and one of them renews. When it stops, another goes on.
func TestTwoNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, records := newAuthorityOfTest(t, 3*day), recordsOf(t)
		one := newTestKeeper(t, Options{Records: records, Issuer: a})
		two := newTestKeeper(t, Options{Records: records, Issuer: a})
		one.Start()
		two.Start()
		defer two.Stop()
		time.Sleep(lookLater + time.Second)
		synctest.Wait()
		if !served(t, one, "").Leaf.Equal(served(t, two, "").Leaf) || a.count() != 1 {
			t.Errorf("%d certificates for two nodes", a.count())
		}
		one.Stop()
		time.Sleep(2*day + time.Hour)
		synctest.Wait()
		if left := time.Until(served(t, two, "").Leaf.NotAfter); left < 2*day || a.count() != 2 {
			t.Errorf("the node that is left has %v left after %d", left, a.count())
		}
		three := newTestKeeper(t, Options{Records: records, Issuer: a})
		if err := three.Load(t.Context()); err != nil || !served(t, three, "").Leaf.Equal(served(t, two, "").Leaf) {
			t.Errorf("a new node does not begin with the stored certificate: %v", err)
		}
	})
}

// TestWindow: the authority may want a certificate to be renewed early, as before it revokes it. The time that was chosen in a
// window counts while the window is the same.
func TestWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuthorityOfTest(t, 90*day)
		k := newTestKeeper(t, Options{Records: recordsOf(t), Issuer: a})
		k.Start()
		defer k.Stop()
		time.Sleep(day)
		synctest.Wait()
		old := served(t, k, "").Leaf
		now := time.Now()
		a.set(func() { a.window = Window{Start: now, End: now.Add(day), Chosen: now.Add(8 * time.Hour)} })
		time.Sleep(7 * time.Hour) // the window is asked for every six
		a.set(func() { a.window.Chosen = now.Add(20 * time.Hour) })
		time.Sleep(30 * time.Minute)
		synctest.Wait()
		if served(t, k, "").Leaf != old {
			t.Error("renewed too early")
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if served(t, k, "").Leaf == old {
			t.Error("not renewed in the window")
		}
	})
}

// TestOtherDirectory: a certificate of another authority, such as one for tests, is replaced.
func TestOtherDirectory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, records := newAuthorityOfTest(t, 90*day), recordsOf(t)
		for i, directory := range []string{"https://staging.example/dir", "https://staging.example/dir", "https://real.example/dir"} {
			k := newTestKeeper(t, Options{Records: records, Issuer: a, ACME: ACMEOptions{Directory: directory}})
			k.Start()
			time.Sleep(time.Minute)
			k.Stop()
			if want := 1 + i/2; a.count() != want {
				t.Errorf("%d issues at %s, want %d", a.count(), directory, want)
			}
		}
	})
}

// fragile is a store that takes no writes of certificates for a while.
type fragile struct {
	motacilla.Records
	down atomic.Bool
}

var errFragile = errors.New("the disk is full")

func (f *fragile) Put(ctx context.Context, r motacilla.Record) (motacilla.Record, error) {
	if f.down.Load() && strings.HasPrefix(r.Key, certificatePrefix) {
		return motacilla.Record{}, errFragile
	}
	return f.Records.Put(ctx, r)
}

// TestStoreTakesNoCertificate: one that is issued is used, and stored when that is possible again. No second one is asked for.
func TestStoreTakesNoCertificate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, records := newAuthorityOfTest(t, 90*day), &fragile{Records: recordsOf(t)}
		records.down.Store(true)
		k := newTestKeeper(t, Options{Records: records, Issuer: a})
		k.Start()
		defer k.Stop()
		time.Sleep(day)
		synctest.Wait()
		cert := served(t, k, "").Leaf
		records.down.Store(false)
		time.Sleep(2 * lookAgain)
		other := newTestKeeper(t, Options{Records: records, Issuer: a})
		if err := other.Load(t.Context()); err != nil || !served(t, other, "").Leaf.Equal(cert) || a.count() != 1 {
			t.Errorf("%v, %d issues", err, a.count())
		}
	})
}

func TestSecret(t *testing.T) {
	const secret = "a secret of all nodes"
	synctest.Test(t, func(t *testing.T) {
		a, records := newAuthorityOfTest(t, 90*day), recordsOf(t)
		run := func(secret string) *Keeper {
			k := newTestKeeper(t, Options{Records: records, Issuer: a, Secret: secret})
			k.Start()
			time.Sleep(time.Minute)
			k.Stop()
			return k
		}
		value := func() string {
			r, err := records.Get(t.Context(), namespace, certificatePrefix+"live.example.org")
			if err != nil {
				t.Fatal(err)
			}
			return string(r.Value)
		}
		run("")
		if !strings.Contains(value(), "PRIVATE KEY") {
			t.Errorf("without a secret the record is %s", value())
		}
		run(secret)
		if strings.Contains(value(), "PRIVATE KEY") || !strings.HasPrefix(value(), sealedPrefix) || a.count() != 1 {
			t.Errorf("with a secret the record is %s after %d", value(), a.count())
		}
		if k := run(secret); served(t, k, "") == nil {
			t.Error("the record can't be read")
		}
		for other, want := range map[string]string{"": "server.tls.acme.secret must be set", "another secret of nodes": "another server.tls.acme.secret"} {
			k := newTestKeeper(t, Options{Records: records, Issuer: a, Secret: other})
			if err := k.Load(t.Context()); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), secret) {
				t.Errorf("with %q: %v", other, err)
			}
		}
	})
	if _, err := NewKeeper(Options{Hosts: []string{"a.example"}, Secret: "short"}); err == nil || !strings.Contains(err.Error(), "server.tls.acme.secret: ") {
		t.Errorf("a short secret: %v", err)
	}
}

// TestSealedForItsKey: a value can't be moved to another record.
func TestSealedForItsKey(t *testing.T) {
	s, err := newSealer("a secret of all nodes")
	if err != nil {
		t.Fatal(err)
	}
	sealed := s.seal("certificate/a.example", []byte("{}"))
	if _, err := s.open("certificate/b.example", sealed); !errors.Is(err, errSecret) {
		t.Errorf("opened under another key: %v", err)
	}
	if plain, err := s.open("certificate/a.example", sealed); err != nil || string(plain) != "{}" {
		t.Errorf("%s, %v", plain, err)
	}
}

func TestWaits(t *testing.T) {
	total := time.Duration(0)
	for n := range 40 {
		d := wait(n + 1)
		if d < firstWait || d > longestWait+longestWait/10 {
			t.Errorf("after %d failures the wait is %v", n+1, d)
		}
		if n < 4 {
			total += d
		}
	}
	if total > time.Hour || total+wait(5) < 30*time.Minute {
		t.Errorf("four waits take %v", total)
	}
}
