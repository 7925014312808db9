package redis

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/realserver"
	goredis "github.com/redis/go-redis/v9"
)

// durabilities are what the costs of a write are compared under; the first is that of a write that is kept.
var durabilities = map[string][]string{
	"always":   realserver.DurableRedis(),
	"everysec": {"--appendonly", "yes", "--appendfsync", "everysec"},
	"memory":   nil,
}

// BenchmarkWrite is the cost of a post beside that of a bare SET of as many bytes, on one server, with one durability.
func BenchmarkWrite(b *testing.B) {
	words := strings.Repeat("x", 300)
	for _, name := range []string{"always", "everysec", "memory"} {
		server := realserver.NewRedis(b, durabilities[name]...)
		s := opened(b, server.URL(), nil)
		channel(b, s, "c")
		bare := goredis.NewClient(&goredis.Options{Addr: server.Addr()})
		b.Cleanup(func() { _ = bare.Close() })
		set := func(n int) error { return bare.Set(context.Background(), fmt.Sprint("bare:", n), words, 0).Err() }
		create := func(int) error { _, err := s.CreatePost(context.Background(), "c", post(words)); return err }
		for _, bench := range []struct {
			name string
			do   func(n int) error
		}{{"SET", set}, {"CreatePost", create}} {
			b.Run(name+"/"+bench.name, func(b *testing.B) {
				for n := range b.N {
					if err := bench.do(n); err != nil {
						b.Fatal(err)
					}
				}
			})
			b.Run(name+"/"+bench.name+"-8", func(b *testing.B) {
				b.SetParallelism(4) // per processor
				var n atomic.Int64
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						if err := bench.do(int(n.Add(1))); err != nil {
							b.Error(err)
							return
						}
					}
				})
			})
		}
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
