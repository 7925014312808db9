package redis

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/benchtest"
	"github.com/motacilla-live/motacilla/internal/realserver"
	"github.com/motacilla-live/motacilla/storage"
	goredis "github.com/redis/go-redis/v9"
)

// durabilities are what the costs of a write are compared under.
var durabilities = map[string][]string{
	"always":   realserver.DurableRedis(),
	"everysec": {"--appendonly", "yes", "--appendfsync", "everysec"},
	"memory":   nil,
}

// long is the text of a post, and the value of the bare SET that it is compared with.
var long = strings.Repeat("x", 300)

// each runs a benchmark on a server with each durability; set makes a new key with long.
func each(b *testing.B, bench func(b *testing.B, s *Store, set func() error)) {
	for _, name := range []string{"always", "everysec", "memory"} {
		b.Run(name, func(b *testing.B) {
			server := realserver.NewRedis(b, durabilities[name]...)
			s := opened(b, server.URL(), nil)
			channel(b, s, "c")
			bare := goredis.NewClient(&goredis.Options{Addr: server.Addr()})
			b.Cleanup(func() { _ = bare.Close() })
			var n atomic.Int64
			bench(b, s, func() error { return bare.Set(context.Background(), fmt.Sprint("bare:", n.Add(1)), long, 0).Err() })
		})
	}
}

// BenchmarkWrite is one write after another: a bare SET of as many bytes, a post, an edit, and a removal. On the first
// server a write that was answered is kept.
func BenchmarkWrite(b *testing.B) {
	each(b, func(b *testing.B, s *Store, set func() error) {
		var p motacilla.Post
		benchtest.InTurn(b, benchtest.Step{Name: "SET", Do: set}, benchtest.Step{Name: "post", Do: func() (err error) {
			p, err = s.PutPost(b.Context(), "c", post(long), 0)
			return err
		}}, benchtest.Step{Name: "edit", Do: func() error {
			_, err := storage.Edit(b.Context(), s, "c", p.ID, func(p *motacilla.Post) error { p.Author = "edited"; return nil })
			return err
		}}, benchtest.Step{Name: "delete", Do: func() error {
			_, err := s.DeletePost(b.Context(), "c", p.ID, 0)
			return err
		}})
	})
}

// BenchmarkWriters is fifty writes by each of eight at once.
func BenchmarkWriters(b *testing.B) {
	crowd := func(write func() error) func() error {
		return func() error {
			var all sync.WaitGroup
			errs := make(chan error, 8)
			for range cap(errs) {
				all.Go(func() {
					var err error
					for i := 0; i < 50 && err == nil; i++ {
						err = write()
					}
					errs <- err
				})
			}
			all.Wait()
			close(errs)
			var err error
			for one := range errs {
				err = errors.Join(err, one)
			}
			return err
		}
	}
	each(b, func(b *testing.B, s *Store, set func() error) {
		create := func() error { _, err := s.PutPost(b.Context(), "c", post(long), 0); return err }
		benchtest.InTurn(b, benchtest.Step{Name: "SETs", Do: crowd(set)}, benchtest.Step{Name: "posts", Do: crowd(create)})
	})
}

// BenchmarkHint is what it takes until another node is told: a bare PUBLISH, and a post with the way of its hint.
func BenchmarkHint(b *testing.B) {
	server := realserver.NewRedis(b)
	near, far := opened(b, server.URL(), nil), opened(b, server.URL(), nil)
	channel(b, near, "c")
	ctx, cancel := context.WithCancel(context.Background())
	hints, ended := make(chan motacilla.Moved, 1000), make(chan error, 1)
	go func() { ended <- far.Watch(ctx, func(m motacilla.Moved) { hints <- m }) }()
	b.Cleanup(func() { cancel(); <-ended })
	<-hints // it has begun
	b.Run("PUBLISH", func(b *testing.B) {
		for n := range b.N {
			if err := near.server.link.Load().reads.Publish(ctx, far.topic, "c "+revisionText(motacilla.Revision(n+1))+" 0").Err(); err != nil {
				b.Fatal(err)
			}
			<-hints
		}
	})
	b.Run("CreatePost", func(b *testing.B) {
		for range b.N {
			if _, err := near.PutPost(ctx, "c", post("x"), 0); err != nil {
				b.Fatal(err)
			}
			<-hints
		}
	})
}

// BenchmarkMemory measures what a post takes of the server's memory, as bytes/post; docs/redis.md has the figures.
func BenchmarkMemory(b *testing.B) {
	for _, size := range []int{100, 1000, 10_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			server := realserver.NewRedis(b)
			s := opened(b, server.URL(), nil)
			channel(b, s, "c")
			used := func() int64 {
				var n int64
				info := must(s.server.link.Load().reads.Info(context.Background(), "memory").Result())
				_, _ = fmt.Sscan(parseInfo(info)["used_memory_dataset"], &n)
				return n
			}
			before := used()
			const posts = 5000
			for range b.N {
				for range posts {
					text(b, s, "c", strings.Repeat("x", size))
				}
			}
			b.ReportMetric(float64(used()-before)/float64(posts*b.N), "bytes/post")
		})
	}
}
