package nats

import (
	"time"

	"github.com/motacilla-live/motacilla/receiver"
	"github.com/nats-io/nats.go"
	"go.uber.org/zap"
)

// The most that waits for the document that is being stored. What is more is lost: nobody keeps it.
const (
	waiting      = 1024
	waitingBytes = 64 << 20
)

// backlog are the documents that wait. A goroutine stores them, one at a time. Another one has all else.
type backlog struct {
	r      *Receiver
	in     chan *nats.Msg // from NATS
	out    chan *nats.Msg // to the goroutine that stores
	stored chan struct{}  // closed when that has ended
	list   []*nats.Msg
	bytes  int
	told   time.Time // when the log told of a loss
}

// newBacklog starts the goroutine that stores, which empty ends.
func newBacklog(r *Receiver) *backlog {
	b := &backlog{r: r, in: make(chan *nats.Msg, waiting), out: make(chan *nats.Msg), stored: make(chan struct{})}
	go func() {
		defer close(b.stored)
		for msg := range b.out {
			_, _ = r.store(&document{subject: msg.Subject, header: msg.Header, data: msg.Data}, defaultAckWait) // it has told
		}
	}()
	return b
}

// add takes a document, if there is room.
func (b *backlog) add(msg *nats.Msg) {
	if len(b.list) < waiting && b.bytes+msg.Size() <= waitingBytes {
		b.list, b.bytes = append(b.list, msg), b.bytes+msg.Size()
		return
	}
	b.r.metrics.Count(b.r.Source(), receiver.Failed)
	if now := time.Now(); now.Sub(b.told) > time.Minute {
		b.told = now
		b.r.log.Warn("documents are lost, because too many wait; it is told of once in a minute", zap.String("subject", msg.Subject))
	}
}

// head returns the document that is next, and where it goes; nil if there is none.
func (b *backlog) head() (chan<- *nats.Msg, *nats.Msg) {
	if len(b.list) == 0 {
		return nil, nil
	}
	return b.out, b.list[0]
}

// pop forgets the document that was next.
func (b *backlog) pop() {
	b.bytes -= b.list[0].Size()
	b.list[0] = nil
	b.list = b.list[1:]
}

// empty stores everything that waits.
func (b *backlog) empty() {
	for ; len(b.list) > 0; b.pop() {
		b.out <- b.list[0]
	}
	close(b.out)
	<-b.stored
}
