package telegram

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-telegram/bot"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/work"
	"go.uber.org/zap"
)

var (
	errOffset = errors.New("the offset was changed by another node")
	errNoIDs  = errors.New("the updates have no IDs")
)

// poll asks for updates until ctx ends, which is when this node loses the lease. It asks for later updates only after all before are
// stored, since the offset of a request confirms what comes before it.
func (r *Receiver) poll(ctx context.Context, _ *work.Term) {
	failures := 0
	for ctx.Err() == nil {
		err := r.pollOnce(ctx)
		switch {
		case err == nil:
			failures = 0
			continue
		case ctx.Err() != nil:
			return
		case errors.Is(err, errOffset):
			r.log.Info("another node asks for updates")
			return
		}
		failures++
		r.metrics.Count(Name, receiver.Failed)
		r.explain(ctx, err)
		sleep(ctx, backoff(failures, err))
	}
}

// pollOnce asks for updates once, and stores them in turn.
func (r *Receiver) pollOnce(ctx context.Context) error {
	key := "offset/" + r.s.bot
	held, err := r.records.Get(ctx, namespace, key)
	if err != nil && !errors.Is(err, motacilla.ErrNotFound) {
		return fmt.Errorf("read the offset: %w", err)
	}
	var offset int64
	if err == nil {
		if offset, err = strconv.ParseInt(string(held.Value), 10, 64); err != nil {
			return fmt.Errorf("read the offset: %w", err)
		}
	}
	list, err := r.api.updates(ctx, offset)
	if err != nil || len(list) == 0 {
		return err
	}
	// The offset may become smaller: after a week without updates Telegram begins with another number.
	next := offset
	var failed error
	for _, raw := range list {
		id, err := r.takeRaw(ctx, raw)
		if err != nil {
			failed = err
			break
		}
		if id > 0 {
			next = id + 1
		}
	}
	if next != offset {
		held.Namespace, held.Key, held.Value = namespace, key, []byte(strconv.FormatInt(next, 10))
		if _, err := r.records.Put(ctx, held); errors.Is(err, motacilla.ErrConflict) {
			return errOffset
		} else if err != nil {
			return fmt.Errorf("keep the offset: %w", err)
		}
	} else if failed == nil {
		return errNoIDs // to ask again would bring the same
	}
	return failed
}

// takeRaw stores one update, and returns its ID. An update that can't be read is left out: it would be the same the next time.
func (r *Receiver) takeRaw(ctx context.Context, raw []byte) (int64, error) {
	u, err := parseUpdate(raw)
	if err != nil {
		r.metrics.Count(Name, receiver.Refused)
		r.log.Warn("an update can't be read", zap.Error(err))
		var id struct {
			ID int64 `json:"update_id"`
		}
		_ = json.Unmarshal(raw, &id) // without an ID it is left out with the next one that has one
		return id.ID, nil
	}
	if err := r.take(ctx, u); err != nil {
		return 0, err
	}
	r.metrics.Count(Name, receiver.Taken)
	return u.ID, nil
}

// explain logs why asking has failed, and deletes a webhook that is in the way.
func (r *Receiver) explain(ctx context.Context, err error) {
	switch {
	case errors.Is(err, bot.ErrorConflict) && strings.Contains(err.Error(), "webhook"):
		if !r.s.DeleteWebhook {
			r.log.Error("the bot has a webhook, so Telegram gives no updates to those who ask: set delete_webhook, or mode to webhook",
				zap.Error(err))
			return
		}
		if _, err := r.api.bot.DeleteWebhook(ctx, &bot.DeleteWebhookParams{}); err != nil {
			r.log.Warn("the webhook can't be deleted", zap.Error(r.api.clean("deleteWebhook", err)))
			return
		}
		r.log.Info("the bot's webhook is deleted")
	case errors.Is(err, bot.ErrorConflict):
		r.log.Error("another program asks for the updates of this bot", zap.Error(err))
	case errors.Is(err, bot.ErrorUnauthorized), errors.Is(err, bot.ErrorNotFound):
		r.log.Error("Telegram does not know the token", zap.Error(err))
	default:
		r.log.Warn("updates can't be taken", zap.Error(err))
	}
}
