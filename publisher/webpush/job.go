package webpush

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/short"
	"github.com/motacilla-live/motacilla/work"
	"go.uber.org/zap"
)

// job tells one page of a channel's readers of a post: those whose keys come after After. A job adds the one of the next page, and
// pages are sent on all nodes at the same time.
type job struct {
	Channel motacilla.ChannelID `json:"channel"`
	Post    motacilla.PostID    `json:"post"`
	After   string              `json:"after,omitempty"`
}

// The size of a page, and how many messages of it are under way at a time.
const (
	pageSize   = 100
	concurrent = 20
)

func (j job) key() string { return short.Digest(string(j.Channel), string(j.Post), j.After) }

func (p *Publisher) add(ctx context.Context, j job) error {
	payload, err := json.Marshal(j)
	if err != nil {
		return err
	}
	return p.queue.Add(ctx, j.key(), payload)
}

// do does a job. What is left of it stands in the store, so that a node that takes it up again sends to nobody twice who had got
// the message before the last [progress.save].
func (p *Publisher) do(ctx context.Context, w work.Job) error {
	var j job
	if err := json.Unmarshal(w.Payload, &j); err != nil {
		return work.Permanent(err)
	}
	at, err := p.progressOf(ctx, j)
	if err != nil || at.done() {
		return err
	}
	n, channel, err := p.noteOf(ctx, j)
	if err != nil {
		return err
	}
	if n == nil { // nobody is to be told now; when the post is shown again, the job is added again
		return nil
	}
	if w.Attempt > 1 {
		n.topic = "" // it could take the place of a newer message
	}
	if err := p.list(ctx, j, at); err != nil {
		return err
	}
	return p.send(ctx, j, at, *n, channel)
}

// noteOf returns what is sent of a job's post, or nil if the post is not, or no longer, to be told of.
func (p *Publisher) noteOf(ctx context.Context, j job) (*note, motacilla.Channel, error) {
	ch, err := p.feed.Channel(ctx, j.Channel)
	if gone(err) {
		return nil, ch, nil
	}
	if err != nil {
		return nil, ch, err
	}
	if ch.Access != motacilla.Public && !p.o.Private { // it has become private since the job was added
		return nil, ch, nil
	}
	post, err := p.posts.Post(ctx, j.Channel, j.Post)
	if gone(err) {
		return nil, ch, nil
	}
	if err != nil {
		return nil, ch, err
	}
	left := p.worth(post)
	if left <= 0 {
		return nil, ch, nil
	}
	payload, err := messageOf(ch, post)
	if err != nil {
		return nil, ch, work.Permanent(err)
	}
	return &note{payload, left, short.Digest(string(j.Channel)), p.o.Urgency}, ch, nil
}

func gone(err error) bool {
	return errors.Is(err, motacilla.ErrNotFound) || errors.Is(err, motacilla.ErrDeleted)
}

// list reads the page of a job, unless it was read before, and adds the job of the next page.
func (p *Publisher) list(ctx context.Context, j job, at *progress) error {
	if at.record.Version == 0 {
		page, err := p.readers.Load().page(ctx, j.Channel, j.After, pageSize)
		if err != nil {
			return err
		}
		at.page = map[string]motacilla.Record{}
		for _, r := range page {
			hash := strings.TrimPrefix(r.Key, prefix(j.Channel))
			at.left = append(at.left, hash)
			at.page[hash] = r
		}
		at.more = len(page) == pageSize
		if len(page) > 0 {
			at.last = page[len(page)-1].Key
		}
		if err := at.save(ctx); err != nil {
			return err
		}
	}
	if at.more {
		if err := p.add(ctx, job{j.Channel, j.Post, at.last}); err != nil {
			return err
		}
		at.more = false // is saved with what is sent; to add the job once more does nothing, since its own progress is kept
	}
	return nil
}

// send sends to those who are left, some at a time.
func (p *Publisher) send(ctx context.Context, j job, at *progress, n note, ch motacilla.Channel) error {
	todo := slices.Clone(at.left)
	next, results := make(chan string), make(chan result)
	sending, stop := context.WithCancel(ctx)
	defer stop()
	workers := min(concurrent, len(todo))
	for range workers {
		go func() {
			for hash := range next {
				results <- result{hash, p.tell(sending, ch, hash, at.page, n)}
			}
			results <- result{}
		}()
	}
	go func() {
		defer close(next)
		for _, hash := range todo {
			select {
			case next <- hash:
			case <-sending.Done():
				return
			}
		}
	}()
	var sum summary
	var failed error
	for running := workers; running > 0; {
		r := <-results
		if r.hash == "" {
			running--
			continue
		}
		if sum.count(r.outcome); r.kind == later {
			continue
		}
		at.left = slices.DeleteFunc(at.left, func(h string) bool { return h == r.hash })
		if failed == nil && sum.settled%saveEvery == 0 {
			if failed = at.save(ctx); failed != nil {
				stop()
			}
		}
	}
	p.report(j, &sum)
	if failed != nil {
		return failed
	}
	if err := at.save(ctx); err != nil {
		return err
	}
	if len(at.left) > 0 {
		return work.RetryAfter(sum.after, fmt.Errorf("%d of %d messages could not be sent: %w", len(at.left), len(todo), sum.err))
	}
	return ctx.Err()
}

type result struct {
	hash string
	outcome
}

// tell sends a note to the reader of this hash, and forgets the reader if it has ended. page has the readers that were just listed.
func (p *Publisher) tell(
	ctx context.Context, ch motacilla.Channel, hash string, page map[string]motacilla.Record, n note,
) outcome {
	record, listed := page[hash]
	if !listed {
		var err error
		record, err = p.records.Get(ctx, subscriptions, prefix(ch.ID)+hash)
		if errors.Is(err, motacilla.ErrNotFound) {
			return outcome{kind: ended}
		}
		if err != nil {
			return outcome{kind: later, err: err}
		}
	}
	to, err := parseReader(record)
	if err != nil {
		return outcome{kind: refused, err: err}
	}
	if !p.o.serves(to.endpoint.Hostname()) {
		return outcome{kind: refused, err: fmt.Errorf("%q is not among the services that are called", to.endpoint.Hostname())}
	}
	o := outcome{kind: ended}
	may, err := p.may(ctx, &to, ch)
	switch {
	case err != nil:
		return outcome{kind: later, err: err}
	case may:
		o = p.push(ctx, n, to.Subscription)
	}
	if o.kind == ended {
		if err := p.readers.Load().drop(ctx, record); err != nil {
			p.log.Warn("a subscription that has ended can't be removed", zap.String("channel", string(ch.ID)), zap.Error(err))
		}
	}
	return o
}

// may reports whether a reader may get what is on the channel now. The error says that it can't be told.
func (p *Publisher) may(ctx context.Context, to *reader, ch motacilla.Channel) (bool, error) {
	ask := p.feed.Options().Holder
	if !to.may(ch) || ch.Access == motacilla.Public || to.holder == "" || ask == nil {
		return to.may(ch), nil
	}
	h, err := ask(ctx, to.holder, ch.ID)
	return h != nil, err
}

// summary counts the outcomes of a page.
type summary struct {
	sent, ended, refused, later int

	settled int // all but later
	after   time.Duration
	err     error // of a message that is sent later
	refusal error // of a message that was refused
}

func (s *summary) count(o outcome) {
	switch o.kind {
	case sent:
		s.sent++
	case ended:
		s.ended++
	case refused:
		s.refused++
		s.refusal = o.err
	case later:
		s.later++
		s.after, s.err = max(s.after, o.after), o.err
	}
	if o.kind != later {
		s.settled++
	}
}

func (p *Publisher) report(j job, s *summary) {
	p.sent.Add(int64(s.sent))
	p.ended.Add(int64(s.ended))
	p.refused.Add(int64(s.refused))
	fields := []zap.Field{
		zap.String("channel", string(j.Channel)), zap.String("post", string(j.Post)),
		zap.Int("sent", s.sent), zap.Int("ended", s.ended), zap.Int("refused", s.refused), zap.Int("later", s.later),
	}
	if s.refused > 0 {
		p.log.Warn("push services refuse messages", append(fields, zap.Error(s.refusal))...)
		return
	}
	p.log.Debug("readers were told of a key event", fields...)
}
