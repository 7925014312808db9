package client

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"time"
)

// moved is the error of a connection that the server has ended because it has too many readers. For a while the reader is to use
// another transport, which costs the server less.
type moved struct {
	Transport string `json:"transport"`
	For       int64  `json:"for"`   // seconds; then the reader comes back
	Retry     int64  `json:"retry"` // seconds; a reader that can't use the transport may come again after them
}

func (m *moved) Error() string { return "the server asks to use " + m.Transport + " for a while" }

// move parses what the server says, and returns a *moved if it says so in a way that is understood.
func move(data []byte) error {
	m := new(moved)
	if err := json.Unmarshal(data, m); err != nil || m.Transport == "" || m.For <= 0 {
		return &failure{err: errors.New("the server asks to use another transport, and does not say which"), own: true}
	}
	return m
}

// shortestStay is for how long a reader uses the other transport at least, whatever the server says.
const shortestStay = 5 * time.Second

// detour is a transport that the server has asked the reader to use for a while.
type detour struct {
	offer
	until time.Time
}

// follows begins a detour, and reports whether it could. In a detour the reader is not sent on to a further one.
func (l *ladder) follows(m *moved) bool {
	o, ok := l.subject.away(m.Transport)
	if l.detour != nil || !ok {
		return false
	}
	stay := max(time.Duration(min(m.For, int64(longestStay/time.Second)))*time.Second, shortestStay)
	l.detour = &detour{o, time.Now().Add(stay + rand.N(stay/4))}
	return true
}

// refusal ends a detour, and returns the error of a reader that can't use the transport that it was told to use.
func (l *ladder) refusal(m *moved) error {
	l.detour = nil
	after := time.Duration(max(0, min(m.Retry, int64(longestStay/time.Second)))) * time.Second
	return &failure{err: m, own: true, after: after}
}

// errBack ends a detour, when its time is over, and the use of a transport instead of a hub.
var errBack = errors.New("the time on another transport is over")

// hubAway is for how long a reader whose hub does not work uses another transport, before it looks for the hub again.
const hubAway = 5 * time.Minute

// read reads over the transport in use. In a detour that ends with errBack at the latest when the detour does.
func (l *ladder) read(ctx context.Context) (*session, error) {
	o, end := l.offers[l.at], l.hubAgain
	if l.detour != nil {
		o, end = l.detour.offer, l.detour.until
	}
	if end.IsZero() {
		return l.connect(ctx, o)
	}
	until, cancel := context.WithDeadlineCause(ctx, end, errBack)
	defer cancel()
	s, err := l.connect(until, o)
	if until.Err() != nil && ctx.Err() == nil {
		l.detour = nil
		return s, errBack
	}
	if err != nil && !s.delivered && !blameless(err) && !errors.As(err, new(*moved)) { // it does not work here
		l.detour = nil
	}
	return s, err
}
