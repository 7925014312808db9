package r3labspublisher

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// answer is the ResponseWriter of one reader, which the library writes to. The library sets no deadline, ignores errors, and
// tells nobody what it has written. answer adds these three.
type answer struct {
	http.ResponseWriter
	control *http.ResponseController
	err     error      // of the first write that failed; for the goroutine that writes
	flushed chan error // what became of the newest flush

	mu      sync.Mutex
	retired bool // the handler is about to return; the answer must not be touched afterwards
	broken  bool
}

func newAnswer(w http.ResponseWriter) *answer {
	return &answer{ResponseWriter: w, control: http.NewResponseController(w), flushed: make(chan error, 1)}
}

func (a *answer) Write(b []byte) (int, error) {
	n, err := a.ResponseWriter.Write(b)
	if err != nil && a.err == nil {
		a.err = err
	}
	return n, err
}

// Flush is called by the library after the header, and after each event.
func (a *answer) Flush() {
	if err := a.control.Flush(); err != nil && a.err == nil {
		a.err = err
	}
	select {
	case a.flushed <- a.err:
	default: // nobody waits for the one before
	}
}

// written waits until the library has written, and returns what became of it. It returns ctx's error if that ends before.
func (a *answer) written(ctx context.Context) error {
	select {
	case err := <-a.flushed:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// allow has writes fail that are not over after d.
func (a *answer) allow(d time.Duration) { a.setDeadline(time.Now().Add(d), false) }

// rest takes the deadline back. Over HTTP/2 it would end the stream even if nothing is being written.
func (a *answer) rest() { a.setDeadline(time.Time{}, false) }

// breakOff has the write that the library waits in fail, and all later ones.
func (a *answer) breakOff() { a.setDeadline(time.Now(), true) }

func (a *answer) setDeadline(at time.Time, last bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.retired && !a.broken {
		_ = a.control.SetWriteDeadline(at) // not every ResponseWriter has deadlines
	}
	a.broken = a.broken || last
}

// retire must be called before the handler returns.
func (a *answer) retire() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.retired = true
}

// writeRetry tells the reader when to come back. The library can't: it writes a retry field only together with data.
func (a *answer) writeRetry() {
	_, _ = a.Write(append(append([]byte("retry: "), retryTime()...), "\n\n"...))
	a.Flush()
}
