package syndication

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/outbound"
)

// answer is what a server says when it is asked for a feed.
type answer struct {
	status   int
	header   http.Header
	document document      // if status is 200
	moved    string        // where the feed is for good, if not where the configuration says
	asked    time.Duration // the pause that the server asks for
}

// accept names the formats that are read.
const accept = "application/atom+xml, application/rss+xml, application/feed+json, application/json;q=0.9, application/xml;q=0.9, " +
	"text/xml;q=0.9, */*;q=0.1"

// ask asks for the feed, unless it is as st knows it. An answer other than 200 and 304 is an error.
func (f *feed) ask(ctx context.Context, st *state) (answer, error) {
	a := answer{moved: st.Moved}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, cmp.Or(st.Moved, f.url), nil)
	if err != nil {
		return a, err
	}
	req.Header.Set("Accept", accept)
	if st.ETag != "" {
		req.Header.Set("If-None-Match", st.ETag)
	}
	if st.Modified != "" {
		req.Header.Set("If-Modified-Since", st.Modified)
	}
	resp, err := f.client.Do(req)
	if err != nil {
		return a, withoutURL(err)
	}
	defer resp.Body.Close()
	a.status, a.header = resp.StatusCode, resp.Header
	a.asked = outbound.RetryAfter(resp.Header, time.Now())
	if to := movedTo(resp, req.URL); to != "" {
		a.moved = to
	}
	switch resp.StatusCode {
	case http.StatusNotModified:
		return a, nil
	case http.StatusOK:
	case http.StatusGone:
		return a, fmt.Errorf("the server says that it is gone: %w", motacilla.ErrDeleted)
	default:
		return a, fmt.Errorf("the server answers with status %d", resp.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if err != nil {
		return a, fmt.Errorf("read the feed: %w", withoutURL(err))
	}
	if len(body) > maxBody {
		return a, motacilla.Invalid("feed", "must be at most %d bytes", maxBody)
	}
	base := req.URL
	if resp.Request != nil {
		base = resp.Request.URL
	}
	a.document, err = parse(body, resp.Header.Get("Content-Type"), f.link, base, f.o.MaxEntries)
	if err == nil {
		a.document.discover(resp.Header, base)
	}
	return a, err
}

// discover takes the hub and the topic from the Link headers, which count more than links in the document (WebSub, section 4).
func (d *document) discover(h http.Header, base *url.URL) {
	for _, hub := range linksOf(h, "hub") {
		if hub, err := absolute(base, hub); err == nil && hub != "" {
			d.hub = hub
			break
		}
	}
	for _, self := range linksOf(h, "self") {
		if self, err := absolute(base, self); err == nil && self != "" {
			d.self = self
			break
		}
	}
	if d.self == "" {
		d.self = base.String()
	}
}

// movedTo returns where redirects for good have led to from first, or "". A redirect for now ends them.
func movedTo(resp *http.Response, first *url.URL) string {
	var chain []*http.Request // those that a redirect has led to, the last one first
	for r := resp.Request; r != nil && r.Response != nil; r = r.Response.Request {
		chain = append(chain, r)
	}
	at := first
	for _, r := range slices.Backward(chain) {
		if s := r.Response.StatusCode; s != http.StatusMovedPermanently && s != http.StatusPermanentRedirect {
			break
		}
		at = r.URL
	}
	if at == first {
		return ""
	}
	return at.String()
}

// withoutURL returns the cause of an HTTP client's error. The error itself has the whole URL, in which there may be a secret.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
