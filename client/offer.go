package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
)

// offer is a transport that the server offers and that may be used.
type offer struct {
	entry
	address *url.URL
	many    *url.URL // for several channels; nil if there is none
}

// maxOffers is the longest list of transports that is read, in bytes.
const maxOffers = 1 << 20

// list returns the server's transports for a channel that are known and may be used, in the server's order.
func (l *ladder) list(ctx context.Context, channel motacilla.ChannelID) ([]offer, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, max(l.o.FirstUpdate, 5*time.Second)*2, errLate)
	defer cancel()
	list := l.endpoint("channels", string(channel), "transports")
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, list.String(), nil)
	if err != nil {
		return nil, err
	}
	resp, err := l.http.Do(req)
	if err != nil {
		return nil, asCause(ctx, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		err := refused(resp)
		if unusable(err) && own(err) { // the list is in no other place
			return nil, fmt.Errorf("%w: %w", ErrNoTransport, err)
		}
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxOffers))
	if err != nil {
		return nil, asCause(ctx, err)
	}
	names, offers, err := parseOffers(l.base, list, body, l.o.Transports)
	if err != nil {
		return nil, fmt.Errorf("the server's list of transports can't be read: %v", err) //nolint:errorlint // see malformed
	}
	if len(offers) == 0 {
		return nil, fmt.Errorf("%w: the server offers %q", ErrNoTransport, names)
	}
	return offers, nil
}

// asCause returns the cause of ctx if err is the error of ctx, and err otherwise.
func asCause(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && errors.Is(err, ctx.Err()) {
		return cause
	}
	return err
}

// parseOffers parses the list of transports that the server at base has given at the URL at. It returns the names of all,
// and the transports that are known and in wanted. An empty wanted means all.
func parseOffers(base, at *url.URL, body []byte, wanted []string) (names []string, offers []offer, err error) {
	var list struct {
		Transports []struct {
			Name string `json:"name"`
			URL  string `json:"url"`
			Many string `json:"many"`
		} `json:"transports"`
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, nil, err
	}
	if list.Transports == nil {
		return nil, nil, errors.New("transports is missing")
	}
	known := table()
	for _, t := range list.Transports {
		names = append(names, t.Name)
		i := slices.IndexFunc(known, func(e entry) bool { return e.name == t.Name })
		if i < 0 || len(wanted) > 0 && !slices.Contains(wanted, t.Name) {
			continue
		}
		if address := resolve(base, at, t.URL); address != nil {
			offers = append(offers, offer{known[i], address, manyOf(known[i], base, at, t.Many)})
		}
	}
	return names, offers, nil
}

// manyOf returns the address of a transport for several channels, nil if there is none.
func manyOf(e entry, base, at *url.URL, ref string) *url.URL {
	switch e.transport.(type) {
	case polling, hubTransport: // they ask for one channel
		return nil
	}
	return resolve(base, at, ref)
}

// resolve resolves ref, which the server at base has given at the URL at. It returns nil if ref is not usable.
//
// A path that begins with a slash is below the path of base: a server that a proxy puts below a path does not know that. A
// server that does know it gives relative URLs, which are resolved by RFC 3986, section 5.
func resolve(base, at *url.URL, ref string) *url.URL {
	u, err := url.Parse(ref)
	if err != nil || ref == "" {
		return nil
	}
	if u.Scheme == "" && u.Host == "" && strings.HasPrefix(u.Path, "/") {
		if u, err = url.Parse(strings.TrimRight(base.EscapedPath(), "/") + ref); err != nil {
			return nil
		}
	}
	u = at.ResolveReference(u)
	switch u.Scheme {
	case "ws":
		u.Scheme = "http"
	case "wss":
		u.Scheme = "https"
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil
	}
	u.Fragment = ""
	// Only a URL with a scheme is checked whole: url.Parse takes //x@::0, but not http://x@::0.
	if u, err = url.Parse(u.String()); err != nil {
		return nil
	}
	return u
}
