package postgres

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/netfault"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// watching is a Watch and what it was told.
type watching struct {
	mu    sync.Mutex
	heads map[motacilla.ChannelID]motacilla.Moved
	fresh chan struct{}
}

// watch begins to watch, until the test ends.
func watch(t testing.TB, s *Store) *watching {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	w := &watching{heads: make(map[motacilla.ChannelID]motacilla.Moved), fresh: make(chan struct{}, 1)}
	begun, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- s.Watch(ctx, func(m motacilla.Moved) {
			if m == (motacilla.Moved{}) {
				close(begun)
				return
			}
			w.mu.Lock()
			if m.Head >= w.heads[m.Channel].Head {
				w.heads[m.Channel] = m
			}
			w.mu.Unlock()
			select {
			case w.fresh <- struct{}{}:
			default:
			}
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, motacilla.ErrClosed) {
			t.Errorf("Watch: %v", err)
		}
	})
	<-begun
	return w
}

func (w *watching) head(ch motacilla.ChannelID) motacilla.Revision {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.heads[ch].Head
}

// reaches waits until the hints are at rev.
func (w *watching) reaches(t testing.TB, ch motacilla.ChannelID, rev motacilla.Revision) {
	t.Helper()
	for patience := time.After(guard); w.head(ch) < rev; {
		select {
		case <-w.fresh:
		case <-patience:
			t.Fatalf("hints of %s are at %d, want %d", ch, w.head(ch), rev)
		}
	}
}

// What moves while a node's listening connection is away is told when it is back.
func TestListeningCut(t *testing.T) {
	for _, away := range []netfault.Fault{netfault.Cut(), netfault.HalfOpen()} {
		t.Run(away.String(), func(t *testing.T) {
			t.Parallel()
			db := database(t)
			proxy, through := proxied(t, db)
			core, logs := observer.New(zap.InfoLevel)
			a := opened(t, db, nil)
			b := opened(t, db, &Options{DirectURL: through, silence: 400 * time.Millisecond, Logger: zap.New(core)})
			channel(t, a, "c")
			channel(t, a, "gone")
			w := watch(t, b)
			proxy.Become(t, away)
			p, err := a.PutPost(t.Context(), "c", text("missed"), 0)
			if err != nil {
				t.Fatal(err)
			}
			gone, err := a.DeleteChannel(t.Context(), "gone")
			if err != nil {
				t.Fatal(err)
			}
			if err := a.Close(); err != nil { // it has told all
				t.Fatal(err)
			}
			until(t, "the loss is noticed", func() bool { return logs.FilterMessageSnippet("can't listen").Len() > 0 })
			if w.head("c") >= p.Revision || w.head("gone") >= gone { // of their creation it may have heard
				t.Fatal("told of what it could not hear")
			}
			own := channel(t, b, "own") // is told at once, listening or not
			w.reaches(t, "own", own.Head)
			proxy.Become(t, netfault.Pass())
			w.reaches(t, "c", p.Revision)
			w.reaches(t, "gone", gone)
			w.mu.Lock()
			deleted := w.heads["gone"].Deleted
			w.mu.Unlock()
			if !deleted {
				t.Error("not told that the channel was deleted")
			}
		})
	}
}

func TestListeningTerminated(t *testing.T) {
	db := database(t)
	a, b := opened(t, db, nil), opened(t, db, nil)
	c := channel(t, a, "c")
	w := watch(t, b)
	conn := connect(t, db)
	var n int
	until(t, "one connection listens", func() bool { // those that have migrated may still be ending
		err := conn.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity
			WHERE application_name = 'motacilla listen' AND datname = current_database()`).Scan(&n)
		if err != nil {
			t.Fatal(err)
		}
		return n == 1
	})
	for i := range 5 {
		err := conn.QueryRow(t.Context(), `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
			WHERE application_name = 'motacilla listen' AND datname = current_database()`).Scan(&n)
		if err != nil || n != 1 && i == 0 {
			t.Fatalf("%d connections listen (%v)", n, err)
		}
		p, err := a.PutPost(t.Context(), "c", text("x"), 0)
		if err != nil {
			t.Fatal(err)
		}
		w.reaches(t, c.ID, p.Revision)
	}
}

// Watch begins without the server, too.
func TestWatchWithoutServer(t *testing.T) {
	db := database(t)
	proxy, through := proxied(t, db)
	a, b := opened(t, db, nil), opened(t, db, &Options{DirectURL: through})
	proxy.Become(t, netfault.Cut())
	w := watch(t, b)
	c := channel(t, a, "c")
	proxy.Become(t, netfault.Pass())
	w.reaches(t, "c", c.Head)
}

// proxied returns a proxy before the database, and the database's URL through it.
func proxied(t *testing.T, database string) (proxy *netfault.Proxy, through string) {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	proxy = netfault.Between(t, u.Host)
	u.Host = proxy.Addr()
	return proxy, u.String()
}

func TestPayloads(t *testing.T) {
	var moved []motacilla.Moved
	for i := range 1000 {
		id := motacilla.ChannelID(strings.Repeat("x", i%250) + fmt.Sprint(i))
		moved = append(moved, motacilla.Moved{Channel: id, Head: motacilla.Revision(1 + i), Deleted: i%3 == 0})
	}
	var got []motacilla.Moved
	all := payloads("me", moved)
	for _, payload := range all {
		if len(payload) > maxPayload {
			t.Errorf("a payload has %d bytes", len(payload))
		}
		sender, part := parsePayload(payload)
		if sender != "me" {
			t.Errorf("sender is %q", sender)
		}
		got = append(got, part...)
	}
	if len(got) != len(moved) || len(all) > 20 {
		t.Fatalf("%d of %d, in %d payloads", len(got), len(moved), len(all))
	}
	for i := range moved {
		if got[i] != moved[i] {
			t.Fatalf("%+v, want %+v", got[i], moved[i])
		}
	}
}

// Anyone may send what is no hint.
func TestForeignNotifications(t *testing.T) {
	db := database(t)
	a, b := opened(t, db, nil), opened(t, db, nil)
	w := watch(t, b)
	conn := connect(t, db)
	for _, payload := range []string{"", " ", "x", "x c", "x c=", "x c=0", "x c=-1", "x =1", "x c=1x", "x c/d=1", "x c=99999999999999999999"} {
		if _, err := conn.Exec(t.Context(), "SELECT pg_notify($1, $2)", a.topic, payload); err != nil {
			t.Fatal(err)
		}
	}
	w.reaches(t, "c", channel(t, a, "c").Head)
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.heads) != 1 {
		t.Errorf("told of %v", w.heads)
	}
}

func FuzzPayload(f *testing.F) {
	f.Add("me c=1")
	f.Add("me c=1! d=2 =3 e e= f=x g=0 h=1!!")
	f.Fuzz(func(t *testing.T, payload string) {
		sender, moved := parsePayload(payload)
		for _, m := range moved {
			if _, err := motacilla.ParseChannelID(string(m.Channel)); err != nil || m.Head <= 0 {
				t.Errorf("%q: %+v", payload, m)
			}
		}
		again := payloads(sender, moved)
		if len(payload) > 4000 || len(moved) == 0 {
			return
		}
		if _, twice := parsePayload(again[0]); len(again) != 1 || len(twice) != len(moved) || twice[0] != moved[0] {
			t.Errorf("%q: %v, then %v", payload, moved, twice)
		}
	})
}

// The first hint goes out at once, what comes within 5 ms of it goes together, the newest of each channel, and what is
// left at the end is told.
func TestHintsAreMerged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var sent []string
		teller := newTeller(func(_ context.Context, moved []motacilla.Moved) {
			slices.SortFunc(moved, func(a, b motacilla.Moved) int { return strings.Compare(string(a.Channel), string(b.Channel)) })
			sent = append(sent, fmt.Sprint(time.Since(began), payloads("", moved)))
		})
		add := func(ch motacilla.ChannelID, head motacilla.Revision) {
			teller.add(motacilla.Moved{Channel: ch, Head: head})
		}
		add("a", 1)
		synctest.Wait()
		for i := range 100 {
			add("a", motacilla.Revision(2+i))
		}
		add("a", 50)
		add("b", 7)
		time.Sleep(time.Second)
		add("c", 8)
		synctest.Wait()
		time.Sleep(spread / 2)
		add("d", 9)
		teller.close()
		want := []string{"0s [ a=1]", "5ms [ a=101 b=7]", "1s [ c=8]", "1.0025s [ d=9]"}
		if !slices.Equal(sent, want) {
			t.Fatalf("sent %q, want %q", sent, want)
		}
	})
}
