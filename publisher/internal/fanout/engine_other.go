//go:build !linux

package fanout

import (
	"net"
	"sync/atomic"
	"time"
)

// Engine does not exist on this system.
type Engine struct{}

// New returns ErrUnsupported.
func New(*Options) (*Engine, error) { return nil, ErrUnsupported }

// Close does nothing.
func (*Engine) Close() error { return nil }

// NewTopic returns nil.
func (*Engine) NewTopic(Protocol, Table, *atomic.Int64) *Topic { return nil }

// Topic does not exist on this system.
type Topic struct{}

// Publish does nothing.
func (*Topic) Publish(Table, bool) {}

// Missed returns nil.
func (*Topic) Missed() <-chan int64 { return nil }

// Give does nothing.
func (*Topic) Give(int64, Frame) {}

// Each does nothing.
func (*Topic) Each(int, func() bool, func(*Reader)) {}

// Len returns 0.
func (*Topic) Len() int { return 0 }

// Join returns ErrUnsupported.
func (*Topic) Join(net.Conn, Join) error { return ErrUnsupported }

// Bare returns false.
func Bare(net.Conn) bool { return false }

// Follow returns a place that the reader does not have.
func (*Topic) Follow(r *Reader, _ int64, _ bool) *Place { return &Place{r} }

// Place does not exist on this system.
type Place struct{ reader *Reader }

// Reader returns whose place it would be.
func (p *Place) Reader() *Reader { return p.reader }

// Cursor returns 0.
func (*Place) Cursor() int64 { return 0 }

// Leave does nothing.
func (*Place) Leave() {}

// Reader does not exist on this system.
type Reader struct{ Data any }

// Cursor returns 0.
func (*Reader) Cursor() int64 { return 0 }

// Asking returns false.
func (*Reader) Asking() bool { return false }

// Full returns false.
func (*Reader) Full() bool { return false }

// Moved returns false.
func (*Reader) Moved() bool { return false }

// Ending returns true.
func (*Reader) Ending() bool { return true }

// SetDue does nothing.
func (*Reader) SetDue(time.Duration) {}

// Ask does nothing.
func (*Reader) Ask(int64) {}

// Answer does nothing.
func (*Reader) Answer([]byte) {}

// Send does nothing.
func (*Reader) Send([]byte) {}

// End does nothing.
func (*Reader) End([]byte, time.Duration) {}

// Close does nothing.
func (*Reader) Close() {}

// Do does nothing.
func (*Reader) Do(func()) {}

// Detach returns nil.
func (*Reader) Detach() net.Conn { return nil }

// HandOver returns false.
func (*Reader) HandOver() (Handed, net.Conn, bool) { return Handed{}, nil, false }

// Resume returns ErrUnsupported.
func (*Topic) Resume(net.Conn, *Handed, any) error { return ErrUnsupported }
