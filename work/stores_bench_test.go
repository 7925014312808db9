package work_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/internal/realserver"
	"github.com/motacilla-live/motacilla/work"
)

// BenchmarkJob is a job from Add to its removal, on one node, one after the other.
func BenchmarkJob(b *testing.B) {
	for name, open := range benchmarked(b) {
		b.Run(name, func(b *testing.B) {
			s, err := open.open(b.Context(), open.place)
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			l := &link{Records: s.Records()}
			done := make(chan struct{})
			q := work.NewQueue(l, "job", func(context.Context, work.Job) error { done <- struct{}{}; return nil }, nil)
			if err := q.Start(b.Context()); err != nil {
				b.Fatal(err)
			}
			for i := 0; b.Loop(); i++ {
				if err := q.Add(b.Context(), fmt.Sprint(i), []byte("{}")); err != nil {
					b.Fatal(err)
				}
				<-done
			}
			_ = q.Shutdown(context.Background())
			b.ReportMetric(float64(l.count())/float64(b.N), "calls/op")
		})
	}
}

// BenchmarkLook is one look of a node that finds so many jobs, none of which is due.
func BenchmarkLook(b *testing.B) {
	for name, open := range benchmarked(b) {
		for _, jobs := range []int{0, 100, 1000} {
			b.Run(fmt.Sprint(name, "/", jobs), func(b *testing.B) {
				s, err := open.open(b.Context(), open.place)
				if err != nil {
					b.Fatal(err)
				}
				defer s.Close()
				l := &link{Records: s.Records()}
				failed := make(chan struct{})
				fails := func(context.Context, work.Job) error {
					failed <- struct{}{}
					return work.RetryAfter(100*time.Hour, fmt.Errorf("later"))
				}
				q := work.NewQueue(l, fmt.Sprint("look-", jobs), fails, nil)
				if err := q.Start(b.Context()); err != nil {
					b.Fatal(err)
				}
				for i := range jobs {
					if err := q.Add(b.Context(), fmt.Sprint(i), make([]byte, 500)); err != nil {
						b.Fatal(err)
					}
				}
				for range jobs {
					<-failed
				}
				_ = q.Shutdown(context.Background())
				before := l.count()
				for b.Loop() {
					if n, err := q.Len(b.Context()); err != nil || n != jobs {
						b.Fatal(n, err)
					}
				}
				b.ReportMetric(float64(l.count()-before)/float64(b.N), "calls/op")
			})
		}
	}
}

func benchmarked(b *testing.B) map[string]opener {
	return map[string]opener{
		"sqlite":   {b.TempDir() + "/live.db", openSQLite},
		"postgres": {realserver.SharedPostgres(b).Database(b), openPostgres},
		"redis":    {realserver.NewRedis(b, realserver.DurableRedis()...).URL(), openRedis},
	}
}
