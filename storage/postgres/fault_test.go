package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/netfault"
	"github.com/motacilla-live/motacilla/internal/realserver"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/internal/silencetest"
)

func text(s string) motacilla.Post {
	return motacilla.Post{Show: true, Content: []motacilla.Block{motacilla.Text(motacilla.TrustedHTML(s))}}
}

func channel(t testing.TB, s *Store, id motacilla.ChannelID) motacilla.Channel {
	t.Helper()
	c, err := s.PutChannel(t.Context(), motacilla.Channel{ID: id}, 0)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The server is killed and started again under writes of two nodes: what was acknowledged is there, once, writes fail as
// the port says, and everything goes on by itself.
func TestServerKilled(t *testing.T) {
	t.Parallel()
	server := realserver.NewPostgres(t, nil) // which waits for the disk
	db := server.Database(t)
	a, b := opened(t, db, nil), opened(t, db, nil)
	first := channel(t, a, "c")
	w := watch(t, b)

	var mu sync.Mutex
	acked := make(map[motacilla.PostID]string)
	var stop atomic.Bool
	var failed, stored atomic.Int64
	changed := make(chan struct{}, 1000)
	var wg sync.WaitGroup
	for i := range 4 {
		store := []*Store{a, b}[i%2]
		wg.Go(func() {
			for n := 0; !stop.Load(); n++ {
				what := fmt.Sprintf("%d of %d", n, i)
				p, err := store.PutPost(t.Context(), "c", text(what), 0)
				switch {
				case err == nil:
					mu.Lock()
					acked[p.ID] = what
					mu.Unlock()
					stored.Add(1)
				case !errors.Is(err, motacilla.ErrUnavailable):
					t.Errorf("write: %v", err)
					return
				default:
					failed.Add(1)
				}
				select {
				case changed <- struct{}{}:
				default:
				}
			}
		})
	}
	until := func(what string, n *atomic.Int64, more int64) {
		t.Helper()
		want, patience := n.Load()+more, time.After(guard)
		for n.Load() < want {
			select {
			case <-changed:
			case <-patience:
				t.Fatalf("%s: %d, want %d", what, n.Load(), want)
			}
		}
	}
	for range 3 {
		until("stored", &stored, 50)
		server.Kill()
		until("failed", &failed, 20)
		if _, err := a.Channel(t.Context(), "c"); !errors.Is(err, motacilla.ErrUnavailable) {
			t.Errorf("read while the server is away: %v", err)
		}
		if err := a.Ping(t.Context()); !errors.Is(err, motacilla.ErrUnavailable) {
			t.Errorf("ping while the server is away: %v", err)
		}
		server.Restart(t)
	}
	until("stored", &stored, 50)
	stop.Store(true)
	wg.Wait()

	facts, err := a.Changes(t.Context(), "c", first.Head, 0)
	if err != nil || !facts.Known {
		t.Fatalf("known %v (%v)", facts.Known, err)
	}
	there := make(map[motacilla.PostID]string)
	for _, p := range facts.Posts {
		there[p.ID] = p.Content[0].Text.String()
	}
	for id, what := range acked {
		if there[id] != what {
			t.Errorf("post %s is %q, acknowledged was %q", id, there[id], what)
		}
	}
	if over := len(there) - len(acked); over > int(failed.Load()) || len(there) != len(facts.Posts) {
		t.Errorf("%d posts more than were acknowledged, and %d writes failed", over, failed.Load())
	}
	w.reaches(t, "c", facts.Head)
	channel(t, a, "d")
	p, err := a.PutPost(t.Context(), "d", text("afterwards"), 0)
	if err != nil {
		t.Fatal(err)
	}
	w.reaches(t, "d", p.Revision)
}

// A connection on which nothing comes back, and that nobody closes, hangs no call, and no call after it.
func TestSilentConnection(t *testing.T) {
	t.Parallel()
	db := database(t)
	proxy, through := proxied(t, db)
	channel(t, opened(t, db, nil), "c")
	s := hasty(t, through, &Options{Timeout: 2 * time.Second, Connections: 4, DirectURL: db})

	proxy.Become(t, netfault.HalfOpen())
	var calls sync.WaitGroup
	for what, call := range map[string]func() error{
		"read":  func() error { _, err := s.Channel(t.Context(), "c"); return err },
		"write": func() error { _, err := s.PutPost(t.Context(), "c", text("x"), 0); return err },
		"edit": func() error {
			_, err := storage.EditChannel(t.Context(), s, "c", func(c *motacilla.Channel) error { c.Title += "x"; return nil })
			return err
		},
		"ping": func() error { return s.Ping(t.Context()) },
	} {
		calls.Go(func() {
			if err := call(); !errors.Is(err, motacilla.ErrUnavailable) {
				t.Errorf("%s: %v", what, err)
			}
		})
	}
	calls.Wait()

	// A read that begins in the silence ends with the answer when that is over sooner.
	eventually(t, "read", func() error {
		proxy.Become(t, netfault.HalfOpen())
		ended := make(chan error, 1)
		go func() { _, err := s.Channel(t.Context(), "c"); ended <- err }()
		until(t, "the read has begun", func() bool {
			n := s.server.pool.Stat()
			return n.AcquiredConns()+n.ConstructingConns() > 0 || len(ended) > 0
		})
		proxy.Become(t, netfault.Pass())
		return <-ended
	})
	eventually(t, "write afterwards", func() error { _, err := s.PutPost(t.Context(), "c", text("y"), 0); return err })
}

func TestSilenceEndsAllConnections(t *testing.T) {
	t.Parallel()
	proxy, through := proxied(t, database(t))
	s := opened(t, through, &Options{Timeout: 5 * silencetest.Patience, silence: 2 * time.Second, Connections: 20})
	channel(t, s, "c")
	watch(t, s)
	silencetest.Run(t, proxy, s, func() any { return s.server.line.Load() })
}

// After an outage there are idle connections before a call asks for one.
func TestConnectionsAreMadeAgain(t *testing.T) {
	t.Parallel()
	s := opened(t, database(t), nil)
	s.server.hangUp()
	late := time.Now().Add(30 * time.Second) // a minute, if the pool were left to itself
	for s.server.pool.Stat().IdleConns() < leastIdle {
		if time.Now().After(late) {
			t.Fatalf("%d idle connections, want %d", s.server.pool.Stat().IdleConns(), leastIdle)
		}
		<-time.After(10 * time.Millisecond)
	}
}

// More writes come over a slow network than the server can do. It does those that it can, on the connections that there are:
// none is given up because a call has waited for its turn.
func TestTooManyWritesOnASlowNetwork(t *testing.T) {
	t.Parallel()
	const connections, writers, enough = 4, 100, 80
	proxy, through := proxied(t, database(t))
	s := hasty(t, through, &Options{Timeout: 4 * time.Second, silence: 2 * time.Second, Connections: connections})
	channel(t, s, "c")
	proxy.Become(t, netfault.Latency(100*time.Millisecond, 0))
	before := s.server.pool.Stat().NewConnsCount()
	ctx, stop := context.WithTimeout(t.Context(), guard)
	defer stop()
	var stored, refused atomic.Int64
	var all sync.WaitGroup
	for range writers {
		all.Go(func() {
			for stored.Load() < enough && ctx.Err() == nil {
				switch _, err := s.PutPost(ctx, "c", text("x"), 0); {
				case err == nil:
					stored.Add(1)
				case errors.Is(err, motacilla.ErrUnavailable):
					refused.Add(1)
				default:
					t.Errorf("write: %v", err)
					return
				}
			}
		})
	}
	all.Wait()
	made := s.server.pool.Stat().NewConnsCount() - before
	if stored.Load() < enough || made > 3*connections {
		t.Errorf("%d writes stored, want %d, on %d new connections, want at most %d", stored.Load(), enough, made, 3*connections)
	}
	t.Logf("%d writes stored, %d refused, %d new connections", stored.Load(), refused.Load(), made)
}

// A call that has waited long for a connection has little of that wait left. The ping of an idle connection gets the time
// that the call has, and says nothing of other connections if the call ends before the server could answer.
func TestPingOnASlowNetwork(t *testing.T) {
	t.Parallel()
	proxy, through := proxied(t, database(t))
	s := opened(t, through, nil)
	proxy.Become(t, netfault.Latency(500*time.Millisecond, 0))
	conn, err := s.server.pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	other, err := s.server.pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	idle := pgxpool.ShouldPingParams{Conn: conn.Conn(), IdleDuration: time.Minute}
	wait, cancel := context.WithTimeout(context.WithValue(t.Context(), callKey{}, t.Context()), 10*time.Millisecond)
	defer cancel()
	if lost := s.server.shouldPing(wait, idle); lost || conn.Conn().IsClosed() {
		t.Error("the connection was given up when the wait for one was over")
	}
	defer proxy.Become(t, netfault.Cut())
	proxy.Become(t, netfault.Latency(time.Hour, 0)) // the answer must not come before the end of a call is noticed
	call, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if lost := s.server.shouldPing(call, idle); !lost {
		t.Error("the server has answered before it could")
	}
	if !staysIdle(t, s, other) {
		t.Error("other connections were given up when a call ended")
	}
}

// staysIdle releases a connection and reports whether the pool keeps it.
func staysIdle(t testing.TB, s *Store, conn *pgxpool.Conn) bool {
	t.Helper()
	released := conn.Conn()
	conn.Release()
	kept := false
	for _, c := range s.server.pool.AcquireAllIdle(t.Context()) {
		kept = kept || c.Conn() == released
		c.Release()
	}
	return kept
}

// A call that is out of time ends the other connections only if the server has said nothing for as long as silence allows.
func TestOutOfTime(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		timeout, silence time.Duration
		kept             bool
	}{
		"before the server could be called silent": {time.Second, guard, true},
		"after silence": {4 * time.Second, 500 * time.Millisecond, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proxy, through := proxied(t, database(t))
			s := hasty(t, through, &Options{Timeout: test.timeout, silence: test.silence})
			other, err := s.server.pool.Acquire(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			until(t, "there is a connection for the write", func() bool { return s.server.pool.Stat().IdleConns() > 0 })
			proxy.Become(t, netfault.HalfOpen())
			defer proxy.Become(t, netfault.Cut()) // Close need not wait for connections that are being made
			if _, err := s.PutPost(t.Context(), "c", text("x"), 0); !errors.Is(err, motacilla.ErrUnavailable) {
				t.Fatalf("write to a server that does not answer: %v", err)
			}
			if kept := staysIdle(t, s, other); kept != test.kept {
				t.Errorf("the other connection is kept: %v, want %v", kept, test.kept)
			}
		})
	}
}

// Close does not wait for what hangs.
func TestCloseCutsOff(t *testing.T) {
	t.Parallel()
	db := database(t)
	proxy, through := proxied(t, db)
	s := opened(t, through, &Options{DirectURL: db, silence: 2 * time.Second})
	channel(t, s, "c")
	proxy.Become(t, netfault.HalfOpen())
	ended := make(chan error, 1)
	go func() { _, err := s.PutPost(context.Background(), "c", text("x"), 0); ended <- err }()
	until(t, "the write has begun", func() bool { return s.server.pool.Stat().AcquiredConns() > 0 || len(ended) > 0 })
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; !errors.Is(err, motacilla.ErrClosed) {
		t.Errorf("the call that was cut off: %v", err)
	}
}

// holding locks the channel from elsewhere, until the returned function is called.
func holding(t *testing.T, db string, ch motacilla.ChannelID) (release func()) {
	t.Helper()
	conn := connect(t, db)
	tx, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), "SELECT 1 FROM motacilla_channels WHERE id = $1 FOR UPDATE", string(ch)); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := tx.Rollback(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

func TestLockedByAnother(t *testing.T) {
	t.Parallel()
	db := database(t)
	s, brief := opened(t, db, nil), hasty(t, db, &Options{Timeout: time.Second})
	channel(t, s, "c")
	channel(t, s, "d")
	release := holding(t, db, "c")
	if _, err := brief.PutPost(t.Context(), "c", text("x"), 0); !errors.Is(err, motacilla.ErrUnavailable) {
		t.Errorf("write: %v", err)
	}
	if _, err := s.PutPost(t.Context(), "d", text("x"), 0); err != nil {
		t.Errorf("write to another channel: %v", err)
	}
	if _, err := s.Posts(t.Context(), "c", motacilla.Query{}); err != nil {
		t.Errorf("read: %v", err)
	}
	short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := s.PutPost(short, "c", text("x"), 0); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, motacilla.ErrUnavailable) {
		t.Errorf("write of a caller with a deadline: %v", err)
	}
	release()
	if _, err := s.PutPost(t.Context(), "c", text("x"), 0); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestPoolExhausted(t *testing.T) {
	t.Parallel()
	db := database(t)
	channel(t, opened(t, db, nil), "c")
	s := hasty(t, db, &Options{Timeout: time.Second, Connections: 2})
	conns := []interface{ Release() }{}
	for range 2 {
		conn, err := s.server.pool.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, conn)
	}
	_, err := s.Channel(t.Context(), "c")
	if !errors.Is(err, motacilla.ErrUnavailable) || !contains(err, "all 2 connections are in use") {
		t.Errorf("read: %v", err)
	}
	for _, conn := range conns {
		conn.Release()
	}
	eventually(t, "afterwards", func() error { _, err := s.Channel(t.Context(), "c"); return err })
}

// What the server undoes and asks to do again is done again, not for ever.
func TestSerializationFailures(t *testing.T) {
	db := database(t)
	s := opened(t, db, nil)
	channel(t, s, "c")
	p, err := s.PutPost(t.Context(), "c", text("x"), 0)
	if err != nil {
		t.Fatal(err)
	}
	conn := connect(t, db)
	fail := func(times int) {
		t.Helper()
		_, err := conn.Exec(t.Context(), fmt.Sprintf(`
			DROP SEQUENCE IF EXISTS failures CASCADE;
			CREATE SEQUENCE failures;
			CREATE OR REPLACE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
				IF nextval('failures') <= %d THEN
					RAISE EXCEPTION 'again' USING ERRCODE = (ARRAY['40001', '40P01', '23505'])[1 + lastval() %% 3];
				END IF;
				RETURN NEW;
			END $$;
			CREATE OR REPLACE TRIGGER fail BEFORE INSERT ON motacilla_log FOR EACH ROW EXECUTE FUNCTION fail()`, times))
		if err != nil {
			t.Fatal(err)
		}
	}
	replace := func() error {
		next := p
		next.SourceVersion++
		_, err := s.PutPost(t.Context(), "c", next, p.Revision)
		return err
	}
	fail(1000)
	if err := replace(); !errors.Is(err, motacilla.ErrUnavailable) || errors.Is(err, motacilla.ErrConflict) {
		t.Errorf("a write that the server undoes each time: %v", err)
	}
	fail(tries - 1)
	if err := replace(); err != nil {
		t.Errorf("a write that the server undoes at first: %v", err)
	}
	fail(tries - 1)
	if _, err := s.PutPost(t.Context(), "c", text("y"), 0); err != nil {
		t.Errorf("write: %v", err)
	}
	if read, err := s.Post(t.Context(), "c", p.ID); err != nil || read.SourceVersion != 1 {
		t.Errorf("post is %+v (%v)", read, err)
	}
}

// Two nodes whose clocks are an hour apart: one order, and nothing is lost.
func TestClocksApart(t *testing.T) {
	db := database(t)
	ahead := opened(t, db, &Options{Clock: func() time.Time { return time.Now().Add(time.Hour) }})
	behind := opened(t, db, &Options{Clock: time.Now})
	first := channel(t, ahead, "c")
	var wg sync.WaitGroup
	var mu sync.Mutex
	revisions := make(map[motacilla.Revision]bool)
	for i := range 4 {
		store := []*Store{ahead, behind}[i%2]
		wg.Go(func() {
			var last motacilla.Revision
			seen := first.Head
			for n := range 25 {
				p, err := store.PutPost(t.Context(), "c", text(fmt.Sprint(i, " ", n)), 0)
				if err != nil || p.Revision <= last {
					t.Errorf("revision %d after %d (%v)", p.Revision, last, err)
					return
				}
				last = p.Revision
				facts, err := store.Changes(t.Context(), "c", seen, 0)
				if err != nil || !facts.Known || facts.Head < p.Revision {
					t.Errorf("since %d: %+v (%v)", seen, facts, err)
					return
				}
				seen = facts.Head
				mu.Lock()
				revisions[p.Revision] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for _, s := range []*Store{ahead, behind} {
		facts, err := s.Changes(t.Context(), "c", first.Head, 0)
		if err != nil || !facts.Known || len(facts.Issued) != 100 || len(facts.Posts) != 100 || len(revisions) != 100 {
			t.Errorf("%d issued, %d posts, %d revisions (%v)", len(facts.Issued), len(facts.Posts), len(revisions), err)
		}
	}
	// Without clocks of the nodes' own it is the database's that counts.
	s := opened(t, db, nil)
	const step = time.Second // the clock of the machine may be set meanwhile
	before := time.Now()
	c := channel(t, s, "d")
	if after := time.Now(); c.Created.Before(before.Add(-step)) || c.Created.After(after.Add(step)) {
		t.Errorf("made at %v, between %v and %v", c.Created, before, after)
	}
}
