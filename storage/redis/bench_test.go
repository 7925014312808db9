package redis

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/realserver"
	goredis "github.com/redis/go-redis/v9"
)

// durabilities are what the costs of a write are compared under.
var durabilities = map[string][]string{
	"always":   realserver.DurableRedis(),
	"everysec": {"--appendonly", "yes", "--appendfsync", "everysec"},
	"memory":   nil,
}

// BenchmarkWrite is one write after another, each kind in turn so that all have the same weather: a bare SET of as many
// bytes, a post, an edit, and a removal, on a server with each durability; the first is that of a write that is kept. The
// figures are microseconds.
func BenchmarkWrite(b *testing.B) {
	words := strings.Repeat("x", 300)
	for _, name := range []string{"always", "everysec", "memory"} {
		b.Run(name, func(b *testing.B) {
			server := realserver.NewRedis(b, durabilities[name]...)
			s := opened(b, server.URL(), nil)
			channel(b, s, "c")
			bare := goredis.NewClient(&goredis.Options{Addr: server.Addr()})
			b.Cleanup(func() { _ = bare.Close() })
			ctx := b.Context()
			n := 0
			steps := []struct {
				name string
				do   func(p *motacilla.Post) error
			}{
				{"SET", func(*motacilla.Post) error {
					n++
					return bare.Set(ctx, fmt.Sprint("bare:", n), words, 0).Err()
				}},
				{"post", func(p *motacilla.Post) (err error) {
					*p, err = s.CreatePost(ctx, "c", post(words))
					return err
				}},
				{"edit", func(p *motacilla.Post) error {
					_, err := s.UpdatePost(ctx, "c", p.ID, func(p *motacilla.Post) error { p.Author = "edited"; return nil })
					return err
				}},
				{"delete", func(p *motacilla.Post) error { _, err := s.DeletePost(ctx, "c", p.ID, nil); return err }},
			}
			took := make([]time.Duration, len(steps))
			for b.Loop() {
				var p motacilla.Post
				for i, step := range steps {
					began := time.Now()
					if err := step.do(&p); err != nil {
						b.Fatal(err)
					}
					took[i] += time.Since(began)
				}
			}
			for i, step := range steps {
				b.ReportMetric(float64(took[i].Microseconds())/float64(b.N), step.name+"-µs")
			}
			b.ReportMetric(float64(took[1])/float64(took[0]), "post/SET")
			b.ReportMetric(float64(took[2])/float64(took[0]), "edit/SET")
		})
	}
}

// BenchmarkWriters is writes by eight at once, SETs and posts in turns.
func BenchmarkWriters(b *testing.B) {
	const writers, each = 8, 50
	words := strings.Repeat("x", 300)
	for _, name := range []string{"always", "everysec", "memory"} {
		b.Run(name, func(b *testing.B) {
			server := realserver.NewRedis(b, durabilities[name]...)
			s := opened(b, server.URL(), nil)
			channel(b, s, "c")
			bare := goredis.NewClient(&goredis.Options{Addr: server.Addr()})
			b.Cleanup(func() { _ = bare.Close() })
			var n atomic.Int64
			steps := []func() error{
				func() error { return bare.Set(context.Background(), fmt.Sprint("bare:", n.Add(1)), words, 0).Err() },
				func() error { _, err := s.CreatePost(context.Background(), "c", post(words)); return err },
			}
			took := make([]time.Duration, len(steps))
			for b.Loop() {
				for i, step := range steps {
					began := time.Now()
					var all sync.WaitGroup
					for range writers {
						all.Go(func() {
							for range each {
								if err := step(); err != nil {
									b.Error(err)
								}
							}
						})
					}
					all.Wait()
					took[i] += time.Since(began)
				}
			}
			for i, step := range []string{"SETs/s", "posts/s"} {
				b.ReportMetric(float64(b.N*writers*each)/took[i].Seconds(), step)
			}
			b.ReportMetric(float64(took[1])/float64(took[0]), "post/SET")
		})
	}
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
			if err := near.link.Load().reads.Publish(ctx, far.topic, "c "+revisionText(motacilla.Revision(n+1))+" 0").Err(); err != nil {
				b.Fatal(err)
			}
			<-hints
		}
	})
	b.Run("CreatePost", func(b *testing.B) {
		for range b.N {
			if _, err := near.CreatePost(ctx, "c", post("x")); err != nil {
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
				info := must(s.link.Load().reads.Info(context.Background(), "memory").Result())
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
