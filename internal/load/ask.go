//go:build linux

package load

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Question is a request that clients send again and again. Each client sends the next when it has the answer.
type Question struct {
	Addr    string
	Request []byte // a whole HTTP/1.1 request
	Status  int    // every answer must have it
	Clients int    // connections that ask in parallel
	Warm    time.Duration
	Lasts   time.Duration
	CPU     func() (time.Duration, error) // used by the server so far
}

// Answers is the result of Ask.
type Answers struct {
	Rate float64       // answers per second
	CPU  time.Duration // of the server, per answer
	P50  time.Duration // from the request to the answer
}

// Ask asks the question for Warm and Lasts, and measures Lasts. An answer with another status is an error.
func Ask(ctx context.Context, q Question) (Answers, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var asked atomic.Int64
	var measuring atomic.Bool
	took := make([][]time.Duration, q.Clients)
	var working sync.WaitGroup
	for i := range q.Clients {
		working.Go(func() {
			if err := ask(ctx, q, &asked, &measuring, &took[i]); err != nil && ctx.Err() == nil {
				cancel(err)
			}
		})
	}
	rest := func(d time.Duration) {
		select {
		case <-time.After(d):
		case <-ctx.Done():
		}
	}
	rest(q.Warm)
	began, before := time.Now(), asked.Load()
	cpu, err := q.CPU()
	measuring.Store(true)
	rest(q.Lasts)
	measuring.Store(false)
	used, again := q.CPU()
	lasted, n := time.Since(began), asked.Load()-before
	failed := context.Cause(ctx)
	cancel(nil)
	working.Wait()
	all := slices.Concat(took...)
	if err := errors.Join(err, again, failed); err != nil {
		return Answers{}, err
	}
	if n == 0 || len(all) == 0 {
		return Answers{}, errors.New("no answer came in time")
	}
	slices.Sort(all)
	return Answers{Rate: float64(n) / lasted.Seconds(), CPU: (used - cpu) / time.Duration(n), P50: Quantile(all, 0.5)}, nil
}

func ask(ctx context.Context, q Question, asked *atomic.Int64, measuring *atomic.Bool, took *[]time.Duration) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", q.Addr)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	in := bufio.NewReaderSize(conn, 8<<10)
	for {
		began := time.Now()
		if _, err := conn.Write(q.Request); err != nil {
			return err
		}
		if err := answered(in, q.Status); err != nil {
			return err
		}
		asked.Add(1)
		if measuring.Load() {
			*took = append(*took, time.Since(began))
		}
	}
}

// answered reads one answer. Its head must fit into the buffer.
func answered(in *bufio.Reader, status int) error {
	for more := 1; ; more = in.Buffered() + 1 {
		if _, err := in.Peek(more); err != nil {
			return err
		}
		data, err := in.Peek(in.Buffered())
		if err != nil {
			return err
		}
		h, size, err := parseHead(data)
		if err != nil {
			return err
		}
		if size == 0 {
			continue
		}
		if h.status != status {
			return fmt.Errorf("answered %d, not %d: %.300q", h.status, status, data)
		}
		if h.length > 0 {
			size += h.length
		}
		_, err = io.CopyN(io.Discard, in, int64(size))
		return err
	}
}
