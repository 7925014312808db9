package rest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/route"
	"go.uber.org/zap"
)

// API serves routes by their HTTP methods.
type API struct {
	Authorize route.Authorizer
	Logger    *zap.Logger

	origin *http.CrossOriginProtection
}

// New returns an API that permits what authorize permits.
func New(authorize route.Authorizer, log *zap.Logger) *API {
	if log == nil {
		log = zap.NewNop()
	}
	return &API{Authorize: authorize, Logger: log, origin: http.NewCrossOriginProtection()}
}

// Method serves one HTTP method of a route. ch is empty if the path has no channel.
type Method struct {
	Name   string       // such as POST
	Action route.Action // what the hook is asked for; empty: Serve asks
	Often  bool         // clients send it every few seconds: a hook that notes what is changed does not note it
	Serve  func(w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID) error
}

// Handler authorises a request before it reads the body. A browser may write only from the server's own origin.
func (a *API) Handler(methods ...Method) http.Handler {
	names := make([]string, len(methods))
	serve := make(map[string]Method, len(methods))
	for i, m := range methods {
		names[i] = m.Name
		serve[m.Name] = m
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !route.Allow(w, r, names...) {
			return
		}
		m := serve[r.Method]
		ch, err := channelOf(r)
		if err == nil {
			r, err = a.authorised(r, ch, m)
		}
		if err == nil {
			err = m.Serve(w, r, ch)
		}
		if err != nil {
			if r.Header.Get("Expect") != "" { // the client may keep back the body, for which the server would wait
				w.Header().Set("Connection", "close")
			}
			a.fail(w, r, ch, err)
		}
	})
}

// channelOf returns the path's channel, or "" if the path has none.
func channelOf(r *http.Request) (motacilla.ChannelID, error) {
	if r.PathValue("channel_id") == "" {
		return "", nil
	}
	return route.ChannelID(r)
}

// authorised returns r with its grant.
func (a *API) authorised(r *http.Request, ch motacilla.ChannelID, m Method) (*http.Request, error) {
	action := m.Action
	if r.Method != http.MethodGet {
		if err := a.origin.Check(r); err != nil {
			_, _ = a.Authorize(r, ch, cmp.Or(action, route.Draft)) // a hook that notes what is refused learns of this too
			return r, fmt.Errorf("write from another origin: %w", motacilla.ErrForbidden)
		}
	}
	if action == "" {
		return r, nil
	}
	if m.Often {
		if grant, err := a.Authorize(route.Tentative(r), ch, action); err == nil {
			return route.WithGrant(r, grant), nil
		}
	}
	grant, err := a.Authorize(r, ch, action)
	if err != nil {
		return r, err
	}
	return route.WithGrant(r, grant), nil
}

// May reports whether r may do action, whatever it was authorised for. A refusal is no error.
func (a *API) May(r *http.Request, ch motacilla.ChannelID, action route.Action) (bool, error) {
	_, err := a.Authorize(route.Tentative(r), ch, action)
	if errors.Is(err, motacilla.ErrUnauthorized) || errors.Is(err, motacilla.ErrForbidden) {
		return false, nil
	}
	return err == nil, err
}

// Refusal is an error that is answered with its problem.
type Refusal struct{ route.Problem }

func (e *Refusal) Error() string { return e.Detail }

func (a *API) fail(w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID, err error) {
	var refused *Refusal
	if errors.As(err, &refused) {
		route.WriteProblem(w, refused.Problem)
		return
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("%w: %w", motacilla.ErrUnavailable, err)
	}
	overloaded := errors.Is(err, motacilla.ErrOverloaded) // there are many of these at a time
	if status := route.ProblemOf(err).Status; status >= 500 && r.Context().Err() == nil && !overloaded {
		a.Logger.Error("request failed", zap.String("channel", string(ch)),
			zap.String("method", r.Method), zap.Int("status", status), zap.Error(err))
	}
	route.WriteError(w, r, err)
}

// Write answers with v. The answer depends on the client's permissions, so a shared cache must not keep it.
func Write(w http.ResponseWriter, status int, v any) error {
	Private(w.Header())
	return write(w, status, v)
}

// WriteSecret answers with v, which no cache may keep.
func WriteSecret(w http.ResponseWriter, status int, v any) error {
	w.Header().Set("Cache-Control", "no-store")
	return write(w, status, v)
}

func write(w http.ResponseWriter, status int, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(data)))
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(data) // the client may have gone
	return nil
}

// Private says that only the client's own cache may keep the answer, and must ask each time.
func Private(h http.Header) {
	h.Set("Cache-Control", "private, no-cache")
	h.Add("Vary", "Authorization, Cookie")
}
