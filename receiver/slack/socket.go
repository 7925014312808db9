package slack

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"
	"go.uber.org/zap"
)

// socket receives events over a connection that this node makes (Socket Mode). Each node has its own, and Slack sends each event
// over one of them. An event is acknowledged when it is stored. If it is not, Slack sends it again, perhaps to another node.
type socket struct {
	api     *slack.Client
	deliver func(ctx context.Context, body []byte) (receiver.Answer, error)
	count   func(result string)
	log     *zap.Logger
	retry   time.Duration // after Slack has refused the token

	stop context.CancelFunc
	all  sync.WaitGroup
}

const (
	socketRetry   = time.Minute
	socketWorkers = 16      // events that are stored at a time
	socketMost    = 4 << 20 // bytes of a message from Slack
)

func newSocket(
	api *slack.Client, deliver func(context.Context, []byte) (receiver.Answer, error), count func(string), log *zap.Logger,
) *socket {
	return &socket{api: api, deliver: deliver, count: count, log: log, retry: socketRetry}
}

func (s *socket) start() {
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.all.Go(func() { s.run(ctx) })
}

func (s *socket) shutdown(ctx context.Context) error {
	if s.stop == nil {
		return nil
	}
	s.stop()
	done := make(chan struct{})
	go func() { defer close(done); s.all.Wait() }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run receives until ctx ends. The client connects again by itself, with growing pauses. It gives up only if Slack refuses the
// token, which somebody may put right in Slack.
func (s *socket) run(ctx context.Context) {
	for ctx.Err() == nil {
		client := socketmode.New(s.api, socketmode.OptionReadLimit(socketMost))
		var workers sync.WaitGroup
		done := make(chan struct{})
		for range socketWorkers {
			workers.Go(func() { s.work(ctx, client, done) })
		}
		err := client.RunContext(ctx)
		if ctx.Err() == nil {
			s.log.Error("Slack refuses Socket Mode: look at app_token", zap.Error(err))
			timer := time.NewTimer(s.retry)
			select {
			case <-timer.C:
			case <-ctx.Done():
			}
			timer.Stop()
		}
		close(done)
		workers.Wait()
	}
}

// work handles the client's events until done is closed. What is left then was not acknowledged, and Slack sends it again.
func (s *socket) work(ctx context.Context, client *socketmode.Client, done <-chan struct{}) {
	for {
		select {
		case e := <-client.Events:
			s.handle(ctx, client, e)
		case <-done:
			return
		}
	}
}

func (s *socket) handle(ctx context.Context, client *socketmode.Client, e socketmode.Event) {
	switch e.Type {
	case socketmode.EventTypeConnected:
		s.log.Info("connected to Slack")
	case socketmode.EventTypeConnectionError:
		if f, ok := e.Data.(*slack.ConnectionErrorEvent); ok && ctx.Err() == nil {
			s.log.Warn("no connection to Slack", zap.Int("attempt", f.Attempt), zap.Duration("again", f.Backoff), zap.Error(f.ErrorObj))
		}
	case socketmode.EventTypeEventsAPI, socketmode.EventTypeInteractive, socketmode.EventTypeSlashCommand:
		s.take(ctx, client, e.Request)
	case socketmode.EventTypeErrorBadMessage:
		// The client does not know every event. The receiver knows those that it takes.
		bad, ok := e.Data.(*socketmode.ErrorBadMessage)
		var request socketmode.Request
		if ok && json.Unmarshal(bad.Message, &request) == nil {
			s.take(ctx, client, &request)
		}
	}
}

// take stores an event, and acknowledges it then.
func (s *socket) take(ctx context.Context, client *socketmode.Client, request *socketmode.Request) {
	if request == nil || request.EnvelopeID == "" || ctx.Err() != nil {
		return
	}
	if request.Type == socketmode.RequestTypeEventsAPI && !s.store(ctx, request.Payload) {
		return
	}
	if err := client.AckCtx(ctx, request.EnvelopeID, nil); err != nil && ctx.Err() == nil {
		s.log.Warn("an event could not be acknowledged", zap.Error(err))
	}
}

// store delivers an event, and reports whether Slack need not send it again.
func (s *socket) store(ctx context.Context, payload []byte) bool {
	_, err := s.deliver(ctx, payload)
	switch {
	case err == nil:
		s.count(receiver.Taken)
		return true
	case errors.Is(err, motacilla.ErrInvalid):
		s.count(receiver.Refused)
		s.log.Info("delivery refused", zap.Error(err))
		return true
	case errors.Is(err, motacilla.ErrOverloaded): // Slack sends it again
		s.count(receiver.Failed)
		s.log.Debug("delivery put off", zap.Error(err))
	case ctx.Err() == nil:
		s.count(receiver.Failed)
		s.log.Error("delivery failed", zap.Error(err))
	}
	return false
}
