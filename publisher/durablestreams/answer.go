package durablestreams

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/compress"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/polling"
	"github.com/motacilla-live/motacilla/route"
)

// The protocol's headers.
const (
	nextOffset   = "Stream-Next-Offset"
	upToDate     = "Stream-Up-To-Date"
	streamCursor = "Stream-Cursor"
	streamClosed = "Stream-Closed"
)

// forNobody is the Cache-Control of what no cache may keep.
const forNobody = "no-store"

// position says where the reader is after an answer. An answer always leads to the end of the stream.
func position(h http.Header, at motacilla.Revision) {
	protect(h)
	h.Set(nextOffset, offset(at))
	h.Set(upToDate, "true")
}

// head answers with the end of the stream.
func (p *Publisher) head(w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID) {
	channel, err := p.feed.Channel(r.Context(), ch)
	if err == nil {
		_, err = p.feed.Readable(r, ch, channel.Head)
	}
	if err != nil {
		p.polls.Fail(w, r, err)
		return
	}
	h := w.Header()
	protect(h)
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", forNobody)
	h.Set(nextOffset, offset(channel.Head))
	w.WriteHeader(http.StatusOK)
}

// catchUp answers at once.
func (p *Publisher) catchUp(w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID, q question) {
	delta, err := p.feed.Idle(ch, q.since), error(nil)
	if !q.now {
		delta, err = p.feed.Since(r.Context(), ch, q.since)
	}
	access, err := p.readable(r, ch, q, delta, err)
	if err != nil {
		p.polls.Fail(w, r, err)
		return
	}
	h := w.Header()
	switch {
	case q.now || delta.Gone || access == "":
		h.Set("Cache-Control", forNobody)
	case access == motacilla.Public:
		h.Set("Cache-Control", polling.SharedCaching)
	default:
		h.Set("Cache-Control", "private, no-store")
	}
	body, in := p.bodies.Encode(delta, p.bodies.Wanted(r))
	p.bodies.Mark(h, body, in)
	if !q.now {
		tag := tagOf(q.since, delta, in)
		h.Set("ETag", tag)
		if route.Unchanged(r, tag) {
			h.Del("Content-Encoding")
			position(h, delta.Revision)
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	p.write(w, delta, body)
}

// readable returns who may read what has been read for a question. err is how that went.
func (p *Publisher) readable(
	r *http.Request, ch motacilla.ChannelID, q question, delta *publisher.Delta, err error,
) (motacilla.Access, error) {
	switch {
	case err != nil:
		return "", err
	case delta.Gone && q.since == 0: // who was not there before need not be told
		return "", fmt.Errorf("channel %q: %w", ch, motacilla.ErrNotFound)
	}
	return p.feed.Readable(r, ch, delta.Revision)
}

// tagOf returns the entity tag of the answer that leads from a revision to that of delta.
func tagOf(since motacilla.Revision, delta *publisher.Delta, in compress.Coding) string {
	tag := strconv.AppendInt([]byte{'"'}, int64(since), 10)
	tag = strconv.AppendInt(append(tag, ':'), int64(delta.Revision), 10)
	if delta.Gone {
		tag = append(tag, ":c"...)
	}
	if in != compress.Identity {
		tag = append(append(tag, ':'), in...)
	}
	return string(append(tag, '"'))
}

// write answers with the messages of delta, which are body.
func (p *Publisher) write(w http.ResponseWriter, delta *publisher.Delta, body []byte) {
	position(w.Header(), delta.Revision)
	if delta.Gone {
		w.Header().Set(streamClosed, "true")
	}
	if !delta.Heartbeat() {
		p.feed.Metrics().Of(name).Deliveries.Add(1)
	}
	p.polls.Write(w, body)
}

// longPoll answers when there is something, or when the time is up.
func (p *Publisher) longPoll(w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID, q question) {
	asked := p.feed.Options().Clock.Now()
	delta, drained, err := p.wait(r, ch, q)
	access, err := p.readable(r, ch, q, delta, err)
	if err != nil {
		p.polls.Fail(w, r, err)
		return
	}
	h := w.Header()
	h.Set("Cache-Control", forNobody)
	if !delta.Gone {
		h.Set(streamCursor, strconv.FormatInt(shared(time.Now(), q.seen), 10))
	}
	if drained {
		h.Set("Connection", "close") // so that the reader's next request goes to another server
	}
	if delta.Heartbeat() {
		position(h, delta.Revision)
		w.WriteHeader(http.StatusNoContent)
		return
	}
	if access == motacilla.Public && !q.now && !drained && !delta.Gone {
		h.Set("Cache-Control", polling.SharedNews)
	}
	body, in := p.bodies.Encode(delta, p.bodies.Wanted(r))
	p.bodies.Mark(h, body, in)
	if !q.now {
		h.Set("ETag", tagOf(q.since, delta, in))
	}
	p.write(w, delta, body)
	p.feed.Answered(name, asked, delta)
}

// wait returns what follows the reader's offset, or a heartbeat when the time is up. drained says that a drain has ended the time.
func (p *Publisher) wait(r *http.Request, ch motacilla.ChannelID, q question) (delta *publisher.Delta, drained bool, err error) {
	slot, err := p.feed.Acquire(r, ch)
	if err != nil {
		return nil, false, err
	}
	defer slot.Release()
	ctx, release := p.polls.Hold(r, p.options.Hold)
	defer release()
	late := errors.Is(context.Cause(ctx), motacilla.ErrClosed)
	stats := p.feed.Metrics().Of(name)
	stats.Readers.Add(1)
	delta, err = p.feed.Next(ctx, ch, q.since)
	stats.Readers.Add(-1)
	if err == nil {
		return delta, false, nil
	}
	cause := context.Cause(ctx)
	drained = errors.Is(err, motacilla.ErrClosed) || errors.Is(cause, motacilla.ErrClosed)
	if !drained && !errors.Is(cause, context.DeadlineExceeded) {
		return nil, false, err
	}
	// The request may not have begun to wait, so the feed is asked once more.
	delta, err = p.feed.Since(r.Context(), ch, q.since)
	switch {
	case errors.Is(err, motacilla.ErrUnavailable) || errors.Is(err, motacilla.ErrClosed):
		delta, err = p.feed.Idle(ch, q.since), nil
	case err != nil:
		return nil, drained, err
	}
	if late && delta.Heartbeat() { // the client would ask again at once
		return nil, true, motacilla.ErrClosed
	}
	return delta, drained, err
}
