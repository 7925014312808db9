package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"syscall"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/client"
)

// told is an error of the client in words for people.
type told struct {
	text string
	err  error
}

func (t *told) Error() string { return t.text }

func (t *told) Unwrap() error { return t.err }

// tell returns an error of the client in words for people: what the server says is wrong, or what to do.
func (r *remote) tell(err error) error {
	var answer *client.Error
	switch {
	case errors.As(err, &answer):
		return &told{r.refusal(answer), err}
	case errors.Is(err, motacilla.ErrUnavailable):
		return r.unreachable(err)
	}
	return err
}

// refusal returns the text of an answer that refuses.
func (r *remote) refusal(e *client.Error) string {
	text := e.Detail
	switch {
	case e.Title == "":
		text = e.Error() + "; is " + r.from + " right?"
	case text == "":
		text = strings.ToLower(e.Title)
	}
	switch e.Status {
	case http.StatusUnauthorized:
		text = r.tokenWanted()
	case http.StatusForbidden:
		if r.token == "" || e.Detail == "" {
			text = r.tokenWanted()
		}
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		text += "; try again in a moment"
	}
	return text
}

// tokenWanted returns the text of an error about the token.
func (r *remote) tokenWanted() string {
	text := "the server does not accept the token. "
	if r.token == "" {
		text = "the server wants its token. "
	}
	return text + "It is server.token of its configuration, or else in the file " + app.TokenFile +
		" in the folder of its data. Give it with --token or MOTACILLA_SERVER_TOKEN"
}

// unreachable returns the error for a server that gives no answer.
func (r *remote) unreachable(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ENOENT) {
		err = fmt.Errorf("nothing listens at %s: is the server running? Start it with \"motacilla serve\", "+
			"or give its URL with --server", r.server)
	} else {
		err = fmt.Errorf("reach %s: %w; is %s right?", r.server, err, r.from)
	}
	return coded{err, exitUnavailable}
}

// onChannel returns an error of the client about a channel in words for people. what is what was tried.
func (r *remote) onChannel(what string, err error, channel string) error {
	if errors.Is(err, motacilla.ErrNotFound) {
		return noChannel(channel)
	}
	return fmt.Errorf("%s: %w", what, r.tell(err))
}

func noChannel(channel string) error {
	return coded{fmt.Errorf("there is no channel %s; create it with: motacilla channel create %s", channel, channel),
		exitNotFound}
}

// onPost is onChannel for a post, whose channel and ID are args.
func (r *remote) onPost(what string, err error, args []string) error {
	if errors.Is(err, motacilla.ErrNotFound) {
		return coded{fmt.Errorf("there is no post %s on the channel %s", args[1], args[0]), exitNotFound}
	}
	return fmt.Errorf("%s: %w", what, r.tell(err))
}
