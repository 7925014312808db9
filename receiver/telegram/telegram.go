// Package telegram is the receiver for Telegram: what is written in a group or a channel becomes posts.
//
// # Source
//
// The source is a bot that is a member of the chat. Telegram delivers its updates to a webhook, with a secret in a header, or the
// receiver asks for them. One bot is one receiver: for two bots, the configuration names the receiver twice.
//
// Telegram does not tell bots what was deleted. An editor replies to the message with /delete, and likewise with /pin, /unpin, /key,
// /unkey, /hide, /show and /alt. If [Options].Answers is true, the bot asks in groups for what an image shows.
//
// # Repeats
//
// The ID of an update, the ID of a message in its chat and the time of its last edit make deliveries safe to repeat, in any order
// and on several nodes. The images of an album are one post.
//
// # Options
//
// [Options]. The token is secret: it appears in no error and no log.
//
// # Limits
//
// Telegram gives a bot files of at most 20 MB. Videos, voices and animations are left out; their captions are kept.
package telegram

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-telegram/bot"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/work"
	"go.uber.org/zap"
)

// seenTTL is how long updates are remembered. Telegram tries to deliver an update for up to 24 hours.
const seenTTL = 48 * time.Hour

// startTimeout is how long a start waits for Telegram.
const startTimeout = 10 * time.Second

// Receiver takes what is written in chats of Telegram.
type Receiver struct {
	s       settings
	sink    receiver.Sink
	records motacilla.Records
	metrics *receiver.Metrics
	room    *receiver.Room
	public  string // the app's public URL
	ingest  *receiver.Ingest
	files   *receiver.Files
	seen    *work.Seen
	api     *api
	admins  administrators
	log     *zap.Logger

	unmapped chats // whose messages were left out

	stop context.CancelFunc // of what Start has begun
	runs sync.WaitGroup
}

var (
	_ receiver.Receiver = (*Receiver)(nil)
	_ receiver.Starter  = (*Receiver)(nil)
	_ receiver.Stopper  = (*Receiver)(nil)
	_ receiver.Sourced  = (*Receiver)(nil)
)

// New returns the receiver of one bot. The error is an ErrInvalid that names the option. log may be nil.
func New(kit *receiver.Kit, o *Options, log *zap.Logger) (*Receiver, error) {
	if o == nil {
		o = &Options{}
	}
	if log == nil {
		log = zap.NewNop()
	}
	s, err := o.check()
	if err != nil {
		return nil, err
	}
	r := &Receiver{
		s: s, sink: kit.Sink, records: kit.Records, metrics: kit.Metrics, room: kit.Room, public: kit.PublicURL,
		ingest: receiver.NewIngest(kit.Sink, Name, nil), seen: work.NewSeen(kit.Records, Name, seenTTL), log: log,
	}
	if s.Register {
		if _, err := r.hookURL(); err != nil {
			return nil, err
		}
	}
	if r.api, err = newAPI(s, kit.Client, log); err != nil {
		return nil, err
	}
	// Another bot can't fetch this bot's files, so each has a queue of its own.
	r.files = receiver.NewFiles(receiver.NewIngest(kit.Sink, Name+"-"+s.bot, nil), kit, r.api.fetch, log)
	return r, nil
}

// Source implements receiver.Sourced.
func (r *Receiver) Source() string { return Name + "-" + r.s.bot }

// URLs returns the route of the webhook, telegram-ID at /telegram/ID. ID is the first part of the bot's token, which is no secret.
// With polling there is none.
func (r *Receiver) URLs() []route.Route {
	if r.s.Mode == Polling {
		return nil
	}
	return []route.Route{{Name: Name + "-" + r.s.bot, Pattern: r.path(), Handler: r.hook()}}
}

// Start begins to fetch images and, with polling, to ask for updates. With register it tells Telegram where the webhook is. If
// Telegram refuses the token or the webhook, Start returns the error. If Telegram can't be reached, it is tried again later.
func (r *Receiver) Start(ctx context.Context) error {
	meeting, done := context.WithTimeout(ctx, startTimeout)
	defer done()
	err := r.meet(meeting)
	if err == nil && r.s.Register {
		err = r.register(meeting)
	}
	if refused(err) {
		return err
	}
	run, stop := context.WithCancel(context.Background())
	r.stop = stop
	if err != nil {
		r.log.Warn("Telegram can't be reached", zap.Error(err))
		if r.s.Register {
			r.runs.Go(func() { r.registerLater(run) })
		}
	}
	if r.s.Mode == Polling {
		r.runs.Go(func() { work.Hold(run, r.records, Name+"-"+r.s.bot, &work.HoldOptions{Logger: r.log}, r.poll) })
	}
	return r.files.Start(ctx)
}

// meet asks Telegram for the bot's name.
func (r *Receiver) meet(ctx context.Context) error {
	_, err := r.api.username(ctx)
	if errors.Is(err, bot.ErrorUnauthorized) || errors.Is(err, bot.ErrorNotFound) {
		return fmt.Errorf("token: Telegram does not know it: %w", err)
	}
	return err
}

// refused reports whether Telegram has answered that a call is wrong, so that the same call would fail again.
func refused(err error) bool {
	for _, cause := range []error{
		bot.ErrorUnauthorized, bot.ErrorNotFound, bot.ErrorBadRequest, bot.ErrorForbidden, motacilla.ErrInvalid,
	} {
		if errors.Is(err, cause) {
			return true
		}
	}
	return false
}

// Shutdown ends what Start has begun. Images that are not fetched yet are fetched after the next start, or by another node.
func (r *Receiver) Shutdown(ctx context.Context) error {
	if r.stop == nil {
		return nil
	}
	r.stop()
	err := r.files.Shutdown(ctx)
	done := make(chan struct{})
	go func() { defer close(done); r.runs.Wait() }()
	select {
	case <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// sleep waits for d, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// backoff is how long to wait after so many failures. If Telegram has said how long, it is at least that.
func backoff(failures int, err error) time.Duration {
	const first, longest = time.Second, time.Minute
	d := longest
	if failures < 7 {
		d = min(first<<max(failures-1, 0), longest)
	}
	var later *motacilla.RetryError
	if errors.As(err, &later) {
		d = max(d, later.After)
	}
	return d
}
