package oembed

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/outbound"
	"github.com/motacilla-live/motacilla/work"
	"go.uber.org/zap"
)

// The most bytes that are read of an answer, and of a page. A page's head is at its beginning.
const (
	mostAnswer = 256 << 10
	mostPage   = 512 << 10
)

// lookUp asks a page's provider, or else reads the page. The error says that it may succeed later.
func (e *Embeds) lookUp(ctx context.Context, page string) (entry, error) {
	u, err := outbound.CheckURL(page)
	if err != nil {
		e.log.Info("a page can't be looked up", zap.Error(err))
		return nothing(page), nil
	}
	p := e.providerOf(u)
	if p != nil && p.denied {
		return nothing(page), nil
	}
	if p != nil && (e.o.MetaToken != "" || !strings.HasPrefix(p.Endpoint, "https://"+meta+"/")) {
		found, ok, err := e.ask(ctx, p, page)
		if err != nil || ok {
			return found, err
		}
	}
	return e.read(ctx, u, p)
}

func (e *Embeds) providerOf(u *url.URL) *provider {
	for _, p := range e.providers {
		if p.matches(u) {
			return p
		}
	}
	return nil
}

// ask asks a provider of the list. ok is false if it has nothing to say.
func (e *Embeds) ask(ctx context.Context, p *provider, page string) (found entry, ok bool, err error) {
	request, err := p.request(page, e.o.MetaToken)
	if err != nil {
		return entry{}, false, nil //nolint:nilerr // the endpoint was checked, so this can't be
	}
	a, ok, err := e.answer(ctx, request)
	if err != nil || !ok {
		return entry{}, false, err
	}
	found = entry{Card: motacilla.Card{Provider: clean(p.Name, motacilla.MaxID)}}
	found.Card.Title, found.Card.Summary = a.title, a.summary
	if a.html != "" {
		e.player(p, a, &found)
	}
	if found.Card.Title == "" {
		found.Card.Title = a.author
	} else if found.Card.Summary == "" {
		found.Card.Summary = clean(a.author, motacilla.MaxCardSummary)
	}
	if err := e.picture(ctx, a.picture, &found); err != nil {
		return entry{}, false, err
	}
	empty := found.Card.Title == "" && found.Card.Summary == "" && found.Card.Picture == "" && found.Card.Frame == ""
	return found, !empty, nil
}

// player fills in how the provider's HTML is shown, and takes the words of a post from it.
func (e *Embeds) player(p *provider, a answer, found *entry) {
	s := readSnippet(a.html)
	if found.Card.Summary == "" && len(s.frames) == 0 {
		found.Card.Summary = clean(s.text, 600)
	}
	if !p.Player {
		return
	}
	if frame, ok := s.frame(p); ok {
		found.Card.Frame, found.Card.Width, found.Card.Height = frame, a.width, a.height
	} else if s.runs(p) {
		found.Card.Frame, found.Snippet = snippetPath+newSnippetKey(), a.html
		found.Card.Height = a.height
	}
	if a.kind == "rich" {
		found.Card.Width = 0 // it is as wide as there is room, and its height does not follow
	}
}

// answer gets the answer of an endpoint. ok is false if there is none.
func (e *Embeds) answer(ctx context.Context, endpoint string) (a answer, ok bool, err error) {
	got, err := e.client.Get(ctx, endpoint, mostAnswer, "application/json", "application/json+oembed", "text/json",
		"text/javascript", "application/javascript")
	if err != nil {
		return answer{}, false, e.again(ctx, err)
	}
	a, err = parseAnswer(got.Body, got.URL)
	if err != nil {
		e.log.Info("a provider answers badly", zap.String("host", got.URL.Hostname()), zap.Error(err))
		return answer{}, false, nil
	}
	return a, true, nil
}

// read reads what a page says of itself. p is its provider, or nil.
func (e *Embeds) read(ctx context.Context, page *url.URL, p *provider) (entry, error) {
	got, err := e.client.GetStart(ctx, page.String(), mostPage, "text/html", "application/xhtml+xml")
	if err != nil {
		return nothing(page.String()), e.again(ctx, err)
	}
	d := describe(got.Body, got.Header.Get("Content-Type"), got.URL)
	if e.o.Discovery && d.endpoint != "" {
		a, ok, err := e.answer(ctx, d.endpoint)
		if err != nil {
			return entry{}, err
		}
		if ok {
			d.title, d.summary, d.picture = or(a.title, d.title), or(a.summary, d.summary), or(a.picture, d.picture)
		}
	}
	found := nothing(page.String())
	found.Card.Title, found.Card.Summary = d.title, d.summary
	switch {
	case p != nil:
		found.Card.Provider = clean(p.Name, motacilla.MaxID)
	case d.site != "":
		found.Card.Provider = d.site
	}
	if err := e.picture(ctx, d.picture, &found); err != nil {
		return entry{}, err
	}
	found.None = found.Card.Title == "" && found.Card.Summary == "" && found.Card.Picture == ""
	if found.None {
		return nothing(page.String()), nil
	}
	return found, nil
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// again returns nil for an error that will be the same later, and otherwise the error, with the time that the site asks to wait.
func (e *Embeds) again(ctx context.Context, err error) error {
	var status *outbound.StatusError
	switch {
	case errors.Is(err, outbound.ErrRefused), errors.Is(err, outbound.ErrTooLarge), errors.Is(err, outbound.ErrMediaType):
	case errors.As(err, &status):
		later := status.Status >= 500 && status.Status != http.StatusNotImplemented ||
			status.Status == http.StatusTooManyRequests || status.Status == http.StatusRequestTimeout
		if later {
			return work.RetryAfter(min(status.RetryAfter, time.Hour), err)
		}
	default:
		return err
	}
	if ctx.Err() == nil {
		e.log.Info("a page can't be looked up", zap.Error(err))
	}
	return nil
}
