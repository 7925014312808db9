package client

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/url"
	"time"

	"github.com/motacilla-live/motacilla"
)

// hubReader takes what a hub sends, and asks the server for what does not fit. It asks
//   - when the hub has begun to send, since something may have happened after the first answer;
//   - when something came that does not fit: at most one request is under way, with pauses between them;
//   - when the hub is silent for long.
type hubReader struct {
	f       *follower
	ctx     context.Context //nolint:containedctx // of the connection
	session *session
	check   time.Duration
	start   func(question *url.URL, at motacilla.Revision) // asks, on another goroutine

	events  chan hubEvent
	ended   chan error // of the connection to the hub
	answers chan answered
	due     *time.Timer // when to ask

	asking  bool
	lacking bool               // something was lost, perhaps
	wanted  motacilla.Revision // there are updates up to this one
	began   time.Time          // of the last request
	after   time.Time          // no request before then: all readers lack the same at the same time
	heard   time.Time          // when the hub has sent something, or the server was asked
	pauses  backoff
	pause   time.Duration // between two requests
	checks  bool          // the request is only because of the silence
	missed  int           // how often such a request has brought what the hub should have sent
}

// hubEvent is what comes from the hub.
type hubEvent struct {
	subscribed bool
	data       []byte
}

// answered is the server's answer to a reader that was at a cursor.
type answered struct {
	*ticket
	at  motacilla.Revision
	err error
}

func newHubReader(ctx context.Context, f *follower, s *session, check time.Duration) *hubReader {
	r := &hubReader{
		f: f, ctx: ctx, session: s, check: check,
		events: make(chan hubEvent), ended: make(chan error, 1), answers: make(chan answered, 1), due: time.NewTimer(time.Hour),
	}
	r.due.Stop()
	r.calm()
	return r
}

func (r *hubReader) close() { r.due.Stop() }

// calm makes pauses short again.
func (r *hubReader) calm() {
	r.pauses = backoff{shortest: r.f.options.MinWait, longest: max(r.f.options.MinWait, r.check)}
	r.pause = r.pauses.next(0)
}

func (r *hubReader) subscribed() { r.hand(hubEvent{subscribed: true}) }

func (r *hubReader) message(data []byte) { r.hand(hubEvent{data: data}) }

func (r *hubReader) hand(e hubEvent) {
	select {
	case r.events <- e:
	case <-r.ctx.Done():
	}
}

// run reads until nothing more is to be read. Then it returns nil.
func (r *hubReader) run() error {
	for {
		var err error
		more := true
		select {
		case e := <-r.events:
			more = r.event(e)
		case a := <-r.answers:
			more, err = r.answer(a)
		case <-r.due.C:
			r.ask()
		case err := <-r.ended:
			if r.ctx.Err() == nil {
				err = hubEnded{err}
			}
			return err
		case <-r.ctx.Done():
			return r.ctx.Err()
		}
		if err != nil || !more {
			return err
		}
		r.schedule()
	}
}

// event takes what the hub has sent.
func (r *hubReader) event(e hubEvent) (more bool) {
	r.heard, r.missed = time.Now(), 0
	if e.subscribed && !r.session.delivered {
		r.f.deliver(r.session)
		r.lacking, r.pause, r.after = true, 0, time.Time{}
		return true
	}
	if !r.lacks() {
		r.after = time.Now().Add(rand.N(r.f.options.MinWait))
	}
	if e.subscribed { // again
		r.lacking = true
		return true
	}
	u, err := r.f.decode(e.data)
	if err != nil { // perhaps a newer server has something to say
		r.lacking = true
		return true
	}
	fits, more := r.f.apply(r.session, u, false)
	switch {
	case fits:
	case u.Revision > r.f.cursor:
		if r.wanted <= r.f.cursor { // pauses because of anything else are too long for that
			r.calm()
		}
		r.wanted = max(r.wanted, u.Revision)
	default:
		r.lacking = true
	}
	return more
}

// lacks reports whether there is something to ask for.
func (r *hubReader) lacks() bool { return r.lacking || r.wanted > r.f.cursor }

// schedule sets the time of the next request.
func (r *hubReader) schedule() {
	switch {
	case r.asking, !r.session.delivered:
		r.due.Stop()
	case r.lacks():
		r.due.Reset(max(time.Until(r.began.Add(r.pause)), time.Until(r.after)))
	default:
		r.due.Reset(time.Until(r.heard.Add(spread(r.check))))
	}
}

func (r *hubReader) ask() {
	r.asking, r.checks, r.lacking, r.began = true, !r.lacks(), false, time.Now()
	r.start(r.session.question(), r.f.cursor)
}

// answer takes the server's answer.
func (r *hubReader) answer(a answered) (more bool, err error) {
	r.asking, r.heard = false, time.Now()
	if a.err != nil {
		return r.failed(a.err)
	}
	before := r.f.cursor
	fits, more := r.f.apply(r.session, a.update, a.at == r.f.cursor)
	r.lacking = r.lacking || !fits
	switch {
	case r.checks && r.f.cursor > before:
		if r.missed++; r.missed == 2 {
			return false, hubEnded{errSilent}
		}
	case r.f.cursor == before && !r.checks: // it was asked in vain
		r.pause = r.pauses.next(0)
	default:
		r.calm()
	}
	return more, nil
}

// failed takes a failure of the server. The connection to the hub goes on unless the server refuses.
func (r *hubReader) failed(err error) (more bool, _ error) {
	if r.ctx.Err() != nil {
		return false, r.ctx.Err()
	}
	var after time.Duration
	var told *failure
	if errors.As(err, &told) {
		after = told.after
	}
	if final(err) || unusable(err) || errors.As(err, new(*moved)) {
		return false, err
	}
	r.lacking, r.pause = true, r.pauses.next(after)
	if err := r.f.fault(r.ctx, err, r.pause); err != nil {
		return false, enough{err}
	}
	return true, nil
}
