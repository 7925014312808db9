package telegram

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-telegram/bot"
	"github.com/go-telegram/bot/models"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/outbound"
	"go.uber.org/zap"
)

// The times and sizes of calls.
const (
	callTimeout = 30 * time.Second
	pollTimeout = 20 * time.Second // how long Telegram holds a request for updates
	fileTimeout = 10 * time.Minute // for the largest file over a slow line
	maxAnswer   = 32 << 20
)

// api calls Telegram's Bot API. The token is a part of its URLs, so no error and no log has a URL of it.
type api struct {
	bot   *bot.Bot
	base  string
	token string
	calls *http.Client
	polls *http.Client
	files *http.Client

	mu   sync.Mutex
	name string // the bot's username, once it is known
}

func newAPI(s settings, client *outbound.Client, log *zap.Logger) (*api, error) {
	a := &api{base: s.API, token: s.Token}
	a.calls = without(client.HTTP(), callTimeout)
	a.polls = without(client.HTTP(), pollTimeout+callTimeout)
	a.files = without(client.HTTP(), fileTimeout)
	var err error
	a.bot, err = bot.New(s.Token, bot.WithSkipGetMe(), bot.WithServerURL(s.API), bot.WithHTTPClient(pollTimeout, bounded{a.calls}),
		bot.WithErrorsHandler(func(err error) { log.Warn("a call of Telegram's Bot API", zap.Error(a.clean("", err))) }))
	return a, a.clean("start", err)
}

// without returns a copy of c with a timeout of its own, and without redirects: they would tell the token to another server.
func without(c *http.Client, timeout time.Duration) *http.Client {
	own := *c
	own.Timeout = timeout
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &own
}

// bounded reads at most maxAnswer bytes of an answer.
type bounded struct{ client *http.Client }

func (b bounded) Do(r *http.Request) (*http.Response, error) {
	resp, err := b.client.Do(r) //nolint:gosec // the address is that of the configuration, and outbound checks it
	if err == nil {
		resp.Body = limited{io.LimitReader(resp.Body, maxAnswer), resp.Body}
	}
	return resp, err
}

type limited struct {
	io.Reader
	io.Closer
}

// callError is why a call failed.
type callError struct {
	text  string
	cause error // what callers compare with, or nil
}

func (e *callError) Error() string { return e.text }
func (e *callError) Unwrap() error { return e.cause }

// causes are the errors that callers compare with.
var causes = []error{
	bot.ErrorForbidden, bot.ErrorBadRequest, bot.ErrorUnauthorized, bot.ErrorNotFound, bot.ErrorConflict,
	context.Canceled, context.DeadlineExceeded, outbound.ErrRefused,
}

// clean returns err without the token. If Telegram has said how long to wait, the error is a motacilla.RetryError.
func (a *api) clean(method string, err error) error {
	if err == nil {
		return nil
	}
	clean := &callError{text: "telegram " + method + ": " + a.redact(err.Error())}
	for _, cause := range causes {
		if errors.Is(err, cause) {
			clean.cause = cause
		}
	}
	var many *bot.TooManyRequestsError
	if errors.As(err, &many) {
		return &motacilla.RetryError{Err: clean, After: time.Duration(min(max(many.RetryAfter, 1), 3600)) * time.Second}
	}
	return clean
}

// redact takes the token out of a text.
func (a *api) redact(text string) string {
	_, secret, _ := strings.Cut(a.token, ":")
	return strings.NewReplacer(a.token, "(token)", url.QueryEscape(a.token), "(token)", secret, "(token)").Replace(text)
}

// username returns the bot's username.
func (a *api) username(ctx context.Context) (string, error) {
	a.mu.Lock()
	name := a.name
	a.mu.Unlock()
	if name != "" {
		return name, nil
	}
	me, err := a.bot.GetMe(ctx)
	if err != nil {
		return "", a.clean("getMe", err)
	}
	a.mu.Lock()
	a.name = me.Username
	a.mu.Unlock()
	return me.Username, nil
}

// administrators returns the users who administer a chat. A chat that the bot can't ask about has none.
func (a *api) administrators(ctx context.Context, chat int64) (map[int64]bool, error) {
	members, err := a.bot.GetChatAdministrators(ctx, &bot.GetChatAdministratorsParams{ChatID: chat})
	if err = a.clean("getChatAdministrators", err); err != nil {
		if errors.Is(err, bot.ErrorBadRequest) || errors.Is(err, bot.ErrorForbidden) {
			return nil, nil
		}
		return nil, err
	}
	ids := map[int64]bool{}
	for _, m := range members {
		switch {
		case m.Owner != nil && m.Owner.User != nil:
			ids[m.Owner.User.ID] = true
		case m.Administrator != nil:
			ids[m.Administrator.User.ID] = true
		}
	}
	return ids, nil
}

// reply answers a message in its chat.
func (a *api) reply(ctx context.Context, m *message, text string) error {
	p := &bot.SendMessageParams{
		ChatID: m.Chat.ID, Text: text, DisableNotification: true,
		ReplyParameters: &models.ReplyParameters{MessageID: m.ID, AllowSendingWithoutReply: true},
	}
	if m.IsTopic {
		p.MessageThreadID = m.ThreadID
	}
	_, err := a.bot.SendMessage(ctx, p)
	return a.clean("sendMessage", err)
}

// updates asks for updates from offset on, and so confirms those before it. It waits until there are some, up to pollTimeout. The
// library has no such call: its loop confirms updates before they are stored.
func (a *api) updates(ctx context.Context, offset int64) ([]json.RawMessage, error) {
	list, err := a.askUpdates(ctx, offset)
	return list, a.clean("getUpdates", err)
}

func (a *api) askUpdates(ctx context.Context, offset int64) ([]json.RawMessage, error) {
	body, err := json.Marshal(map[string]any{
		"offset": offset, "limit": 100, "timeout": int(pollTimeout / time.Second), "allowed_updates": allowedUpdates,
	})
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.base+"/bot"+a.token+"/getUpdates", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := bounded{a.polls}.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var answer struct {
		OK          bool              `json:"ok"`
		Result      []json.RawMessage `json:"result"`
		Description string            `json:"description"`
		ErrorCode   int               `json:"error_code"`
		Parameters  struct {
			RetryAfter int `json:"retry_after"`
		} `json:"parameters"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return nil, fmt.Errorf("status %d, and not the JSON of the Bot API", resp.StatusCode)
	}
	if answer.OK {
		return answer.Result, nil
	}
	switch answer.ErrorCode {
	case http.StatusTooManyRequests:
		return nil, &bot.TooManyRequestsError{Message: answer.Description, RetryAfter: answer.Parameters.RetryAfter}
	case http.StatusConflict:
		err = bot.ErrorConflict
	case http.StatusUnauthorized:
		err = bot.ErrorUnauthorized
	case http.StatusNotFound:
		err = bot.ErrorNotFound
	default:
		return nil, fmt.Errorf("status %d, %s", answer.ErrorCode, answer.Description)
	}
	return nil, fmt.Errorf("%w, %s", err, answer.Description)
}
