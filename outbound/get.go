package outbound

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ErrMediaType says that the answer has a media type that was not asked for.
var ErrMediaType = errors.New("the answer has another media type")

// Page is an answer that was read.
type Page struct {
	URL    *url.URL // after redirects
	Type   string   // the media type in lower case, without parameters, such as "text/html"; "" if there is none
	Header http.Header
	Body   []byte // uncompressed
	Cut    bool   // Body is the beginning of a longer one
}

// StatusError is the error of Get if the answer has another status than 2xx.
type StatusError struct {
	Host       string
	Status     int
	RetryAfter time.Duration // 0 if the answer has none
}

func (e *StatusError) Error() string {
	return strings.TrimSpace(fmt.Sprintf("call %q: the answer has status %d %s", e.Host, e.Status, http.StatusText(e.Status)))
}

// Get reads a page of at most most bytes, within Options.Timeout, and with its redirects. The error is an [ErrTooLarge] if it is
// longer, an [ErrRefused] if the address may not be called, or a [StatusError]. If media types are given, they are asked for,
// and the error is an [ErrMediaType] if the answer has none of them. "*/*" permits all.
func (c *Client) Get(ctx context.Context, address string, most int64, accept ...string) (*Page, error) {
	p, err := c.GetStart(ctx, address, most, accept...)
	if err == nil && p.Cut {
		return nil, fmt.Errorf("call %q: %w: it has more than %d bytes", p.URL.Hostname(), ErrTooLarge, most)
	}
	return p, err
}

// GetStart is Get, except that of a longer page it returns the first most bytes, and Cut is set.
func (c *Client) GetStart(ctx context.Context, address string, most int64, accept ...string) (*Page, error) {
	u, err := CheckURL(address)
	if err != nil {
		return nil, err
	}
	u.Fragment, u.RawFragment = "", ""
	ctx, cancel := context.WithTimeout(ctx, c.o.Timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, refused(u.Hostname(), "it is not a URL")
	}
	if len(accept) > 0 {
		r.Header.Set("Accept", strings.Join(accept, ", "))
	}
	answer, err := c.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	p := &Page{URL: answer.Request.URL, Header: answer.Header}
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return nil, &StatusError{p.URL.Hostname(), answer.StatusCode, RetryAfter(answer.Header, time.Now())}
	}
	p.Type, _, _ = mime.ParseMediaType(answer.Header.Get("Content-Type"))
	if len(accept) > 0 && !accepted(accept, p.Type) {
		return nil, fmt.Errorf("call %q: %w: %q, not %s", p.URL.Hostname(), ErrMediaType, p.Type, strings.Join(accept, " or "))
	}
	p.Body, err = io.ReadAll(io.LimitReader(answer.Body, most+1))
	if err != nil {
		return nil, concealed(p.URL, err)
	}
	if p.Cut = int64(len(p.Body)) > most; p.Cut {
		p.Body = p.Body[:most]
	}
	return p, nil
}

func accepted(accept []string, mediaType string) bool {
	return slices.ContainsFunc(accept, func(a string) bool {
		a, _, _ = strings.Cut(a, ";")
		prefix, all := strings.CutSuffix(a, "*")
		return a == mediaType || a == "*/*" || all && strings.HasPrefix(mediaType, prefix)
	})
}

// RetryAfter returns for how long the server of an answer wants to be left alone: its Retry-After, which is seconds or a time
// (RFC 9110, section 10.2.3). It is at most a week, and 0 if the answer does not say.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	const longest = 7 * 24 * time.Hour
	value := strings.TrimSpace(h.Get("Retry-After"))
	if n, err := strconv.ParseUint(value, 10, 63); err == nil {
		return time.Duration(min(n, uint64(longest/time.Second))) * time.Second
	}
	if t, err := http.ParseTime(value); err == nil {
		return min(max(t.Sub(now), 0), longest)
	}
	return 0
}
