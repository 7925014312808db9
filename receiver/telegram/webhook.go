package telegram

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-telegram/bot"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/receiver"
	"go.uber.org/zap"
)

// secretHeader is the header in which Telegram sends the secret.
const secretHeader = "X-Telegram-Bot-Api-Secret-Token" //nolint:gosec // it is the header's name

// path is the route of the webhook.
func (r *Receiver) path() string { return "/telegram/" + r.s.bot }

func (r *Receiver) hook() http.Handler {
	return &receiver.Hook{
		Receiver: Name, Verify: receiver.SecretHeader(secretHeader, "", r.s.Secret), Metrics: r.metrics, Room: r.room, Logger: r.log,
		Handle: func(ctx context.Context, d receiver.Request) (receiver.Answer, error) {
			u, err := parseUpdate(d.Body)
			if err != nil {
				return receiver.Answer{}, err
			}
			return receiver.Answer{}, r.take(ctx, u)
		},
	}
}

// hookURL is the address of the webhook. Telegram calls only https, on four ports.
func (r *Receiver) hookURL() (string, error) {
	u, err := url.Parse(r.public)
	if err != nil || r.public == "" || u.Scheme != "https" {
		return "", motacilla.Invalid("register", "needs the server's public URL, which must begin with https://, not %q", r.public)
	}
	if !slices.Contains([]string{"", "443", "80", "88", "8443"}, u.Port()) {
		return "", motacilla.Invalid("register", "needs a public URL on port 443, 80, 88 or 8443, not %s: Telegram calls no other", u.Port())
	}
	return strings.TrimRight(r.public, "/") + r.path(), nil
}

// register tells Telegram where the webhook is, unless Telegram knows. Several nodes may do it at once: all say the same. Telegram does
// not tell the secret that it sends, so a record has the digest of what was registered last.
func (r *Receiver) register(ctx context.Context) error {
	at, err := r.hookURL()
	if err != nil {
		return err
	}
	info, err := r.api.bot.GetWebhookInfo(ctx)
	if err != nil {
		return r.api.clean("getWebhookInfo", err)
	}
	key := "webhook/" + r.s.bot
	sum := sha256.Sum256([]byte(at + "\n" + r.s.Secret))
	digest := hex.EncodeToString(sum[:])
	held, err := r.records.Get(ctx, namespace, key)
	if err != nil && !errors.Is(err, motacilla.ErrNotFound) {
		return fmt.Errorf("read what was registered: %w", err)
	}
	if info.URL == at && sameKinds(info.AllowedUpdates) && string(held.Value) == digest {
		return nil
	}
	_, err = r.api.bot.SetWebhook(ctx, &bot.SetWebhookParams{URL: at, AllowedUpdates: allowedUpdates, SecretToken: r.s.Secret})
	if err != nil {
		return r.api.clean("setWebhook", err)
	}
	r.log.Info("the webhook is registered", zap.String("url", at), zap.String("before", r.api.redact(info.URL)))
	put := motacilla.Record{Namespace: namespace, Key: key, Value: []byte(digest), Version: held.Version}
	if _, err := r.records.Put(ctx, put); err != nil && !errors.Is(err, motacilla.ErrConflict) {
		return fmt.Errorf("keep what was registered: %w", err)
	}
	return nil
}

func sameKinds(kinds []string) bool {
	kinds = slices.Sorted(slices.Values(kinds))
	return slices.Equal(kinds, slices.Sorted(slices.Values(allowedUpdates)))
}

// registerLater tries until Telegram can be reached.
func (r *Receiver) registerLater(ctx context.Context) {
	var err error
	for failures := 1; ctx.Err() == nil; failures++ {
		sleep(ctx, backoff(failures, err))
		err = r.register(ctx)
		switch {
		case err == nil:
			return
		case refused(err):
			r.log.Error("the webhook can't be registered", zap.Error(err))
			return
		case ctx.Err() == nil:
			r.log.Warn("Telegram can't be reached", zap.Error(err))
		}
	}
}
