package postgres

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/benchtest"
	"github.com/motacilla-live/motacilla/internal/realserver"
	"github.com/motacilla-live/motacilla/storage"
)

// The benchmarks use a server that waits for the disk at each commit, which is PostgreSQL's default.

const body = "The keeper gets a hand to it, and it goes behind off the post for a corner. "

// benched returns two nodes of a database of such a server.
func benched(b *testing.B) (s, other *Store) {
	b.Helper()
	db := realserver.NewPostgres(b, map[string]string{"max_connections": "200"}).Database(b)
	return opened(b, db, &Options{Connections: 64}), opened(b, db, nil)
}

// plain makes a table like that of posts, without what the store adds to it.
func plain(b *testing.B, s *Store) {
	b.Helper()
	_, err := s.server.pool.Exec(b.Context(), `CREATE TABLE bare (channel text, id bigserial, content text, PRIMARY KEY (channel, id))`)
	if err != nil {
		b.Fatal(err)
	}
}

const qBare = `INSERT INTO bare (channel, content) VALUES ($1, $2)`

// BenchmarkWrite makes one write after another: a bare durable INSERT and COMMIT, a post, an edit, and a removal. The kinds
// take turns, so that what else the machine does slows all of them alike. The figures are microseconds.
func BenchmarkWrite(b *testing.B) {
	s, _ := benched(b)
	plain(b, s)
	channel(b, s, "c")
	content := strings.Repeat(body, 4)
	var p motacilla.Post
	benchtest.InTurn(b, benchtest.Step{Name: "bare", Do: func() error {
		_, err := s.server.pool.Exec(b.Context(), qBare, "c", content)
		return err
	}}, benchtest.Step{Name: "post", Do: func() (err error) {
		p, err = s.PutPost(b.Context(), "c", text(content), 0)
		return err
	}}, benchtest.Step{Name: "edit", Do: func() error {
		_, err := storage.Edit(b.Context(), s, "c", p.ID, func(p *motacilla.Post) error { p.Author = "edited"; return nil })
		return err
	}}, benchtest.Step{Name: "delete", Do: func() error {
		_, err := s.DeletePost(b.Context(), "c", p.ID, 0)
		return err
	}})
}

// BenchmarkHint measures how long a hint takes from the end of a write on one node to the notify of a Watch on another.
func BenchmarkHint(b *testing.B) {
	db := realserver.SharedPostgres(b).Database(b)
	writer, other := opened(b, db, nil), opened(b, db, nil)
	channel(b, writer, "c")
	told := make(chan motacilla.Moved, 100)
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- other.Watch(ctx, func(m motacilla.Moved) { told <- m }) }()
	<-told
	var way time.Duration
	for b.Loop() {
		p, err := writer.PutPost(b.Context(), "c", text(body), 0)
		if err != nil {
			b.Fatal(err)
		}
		began := time.Now()
		for m := range told {
			if m.Head >= p.Revision {
				break
			}
		}
		way += time.Since(began)
	}
	cancel()
	<-ended
	b.ReportMetric(float64(way.Microseconds())/float64(b.N), "hint-µs")
}

// BenchmarkNotify writes to 64 channels at once, from 64 connections. There are three kinds: a bare INSERT, a bare INSERT
// with a NOTIFY in its transaction, and posts, whose hints are collected and sent outside of the transactions. PostgreSQL
// commits transactions with a NOTIFY one at a time, so they can't share syncs of the disk.
func BenchmarkNotify(b *testing.B) {
	s, other := benched(b)
	plain(b, s)
	const writers = 64
	for i := range writers {
		channel(b, s, name(i))
	}
	listener := watch(b, other)
	var warm []*pgxpool.Conn // connections are opened before the measurement begins
	for range writers {
		conn, err := s.server.pool.Acquire(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		warm = append(warm, conn)
	}
	for _, conn := range warm {
		conn.Release()
	}
	const qBareNotify = `WITH put AS (INSERT INTO bare (channel, content) VALUES ($1, $2)) SELECT pg_notify('bare', $1)`
	for _, kind := range []struct {
		name string
		do   func(ch motacilla.ChannelID) error
	}{
		{"without", func(ch motacilla.ChannelID) error { return exec(b, s.server.pool, qBare, ch) }},
		{"within", func(ch motacilla.ChannelID) error { return exec(b, s.server.pool, qBareNotify, ch) }},
		{"merged", func(ch motacilla.ChannelID) error { _, err := s.PutPost(b.Context(), ch, text(body), 0); return err }},
	} {
		b.Run(kind.name, func(b *testing.B) {
			var next atomic.Int64
			b.SetParallelism(max(1, writers/runtime.GOMAXPROCS(0)))
			began := time.Now()
			b.RunParallel(func(pb *testing.PB) {
				ch := name(int(next.Add(1)) % writers)
				for pb.Next() {
					if err := kind.do(ch); err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "writes/s")
		})
	}
	for i := range writers {
		c, err := s.Channel(b.Context(), name(i))
		if err != nil {
			b.Fatal(err)
		}
		listener.reaches(b, c.ID, c.Head)
	}
}

func name(i int) motacilla.ChannelID { return motacilla.ChannelID(fmt.Sprint("channel-", i)) }

func exec(b *testing.B, pool *pgxpool.Pool, statement string, ch motacilla.ChannelID) error {
	_, err := pool.Exec(b.Context(), statement, string(ch), body)
	return err
}
