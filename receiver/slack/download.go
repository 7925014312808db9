package slack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla/outbound"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/work"
)

// download fetches files from Slack. The bot token goes to Slack's own hosts over https, and nowhere else, also after a redirect.
type download struct {
	client *http.Client
	token  string
	own    *url.URL // the Web API: its host is Slack's too
}

const maxRedirects = 5

func newDownload(client *outbound.Client, o *Options) *download {
	c := *client.HTTP()
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse } // each is looked at here
	own, err := url.Parse(o.APIURL)
	if err != nil {
		own = &url.URL{}
	}
	return &download{&c, o.BotToken, own}
}

// fetch is the receiver.Fetch of Slack's files.
func (d *download) fetch(ctx context.Context, f receiver.File) (io.ReadCloser, error) {
	at, err := url.Parse(f.Ref)
	if err != nil || !d.slacks(at) {
		return nil, work.Permanent(errors.New("the file is not on one of Slack's hosts"))
	}
	for range maxRedirects + 1 {
		answer, err := d.get(ctx, at)
		if err != nil {
			return nil, err
		}
		next := answer.Header.Get("Location")
		if answer.StatusCode < 300 || answer.StatusCode > 399 || next == "" {
			return d.body(answer)
		}
		answer.Body.Close()
		from := at
		if at, err = at.Parse(next); err != nil || at.Scheme != "https" && at.Scheme != from.Scheme {
			return nil, work.Permanent(errors.New("the file is behind a redirect that leads away from https"))
		}
	}
	return nil, work.Permanent(fmt.Errorf("the file is behind more than %d redirects", maxRedirects))
}

// get calls an address. The error does not have the address, which may give access to the file.
func (d *download) get(ctx context.Context, at *url.URL) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, work.Permanent(errors.New("the file has no valid address"))
	}
	if d.slacks(at) {
		request.Header.Set("Authorization", "Bearer "+d.token)
	}
	answer, err := d.client.Do(request)
	var with *url.Error
	if errors.As(err, &with) {
		err = with.Err
	}
	if err != nil {
		return nil, fmt.Errorf("fetch a file from %s: %w", at.Hostname(), err)
	}
	return answer, nil
}

// body returns the body of an answer that has a file.
func (d *download) body(answer *http.Response) (io.ReadCloser, error) {
	if answer.StatusCode == http.StatusOK {
		kind, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type"))
		if kind != "text/html" {
			return answer.Body, nil
		}
		answer.Body.Close() // a page that asks to sign in
		return nil, errors.New("the file is not given by Slack: the bot token may lack the scope files:read")
	}
	answer.Body.Close()
	err := fmt.Errorf("the answer has status %d", answer.StatusCode)
	switch answer.StatusCode {
	case http.StatusNotFound, http.StatusGone:
		return nil, work.Permanent(err)
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		if wait := outbound.RetryAfter(answer.Header, time.Now()); wait > 0 {
			return nil, work.RetryAfter(min(wait, time.Hour), err)
		}
	}
	return nil, err
}

// slacks reports whether an address is one of Slack's own hosts.
func (d *download) slacks(at *url.URL) bool {
	if at.User != nil {
		return false
	}
	if at.Scheme == d.own.Scheme && at.Host == d.own.Host && at.Host != "" {
		return true
	}
	host := strings.ToLower(at.Hostname())
	if at.Scheme != "https" || at.Port() != "" && at.Port() != "443" {
		return false
	}
	for _, domain := range []string{"slack.com", "slack-gov.com"} {
		if host == domain || strings.HasSuffix(host, "."+domain) {
			return true
		}
	}
	return false
}
