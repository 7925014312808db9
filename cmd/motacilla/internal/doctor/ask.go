package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
)

// maxAnswer is the longest answer that is accepted, in bytes.
const maxAnswer = 64 << 20

// answer is an HTTP answer with its body.
type answer struct {
	*http.Response
	body  []byte
	asked time.Time // by this machine's clock
	at    time.Time // when it came, by the same clock
	took  time.Duration
}

// at returns the URL of a path of the server.
func (d *doctor) at(path string) string { return d.base.String() + path }

// request returns a request. headers are names and values in turn. An empty value takes the header off.
func (d *doctor) request(ctx context.Context, method, target string, headers ...string) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, method, target, nil)
	if err != nil {
		return nil, err
	}
	if d.o.Token != "" && req.URL.Host == d.base.Host && req.URL.Scheme == d.base.Scheme {
		req.Header.Set("Authorization", "Bearer "+d.o.Token)
	}
	for pair := range slices.Chunk(headers, 2) {
		if req.Header.Set(pair[0], pair[1]); pair[1] == "" {
			req.Header.Del(pair[0])
		}
	}
	return req, nil
}

// ask makes a request that the server answers at once.
func (d *doctor) ask(ctx context.Context, method, target string, headers ...string) (*answer, error) {
	return d.askFor(ctx, d.o.Quick, method, target, headers...)
}

func (d *doctor) askFor(ctx context.Context, most time.Duration, method, target string, headers ...string) (*answer, error) {
	late := fmt.Errorf("no answer within %v", most)
	ctx, cancel := context.WithTimeoutCause(ctx, most, late)
	defer cancel()
	req, err := d.request(ctx, method, target, headers...)
	if err != nil {
		return nil, err
	}
	asked, began := d.o.Now(), time.Now()
	resp, err := d.client.Do(req)
	if err != nil {
		return nil, because(ctx, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, because(ctx, fmt.Errorf("the answer breaks off: %w", err))
	}
	return &answer{resp, body, asked, d.o.Now(), time.Since(began)}, nil
}

// because returns the cause of ctx's end, or err if ctx has not ended.
func because(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// update decodes an answer that must be an update.
func (a *answer) update() (*motacilla.Update, error) {
	if a.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s", a.Status)
	}
	var u motacilla.Update
	if err := json.Unmarshal(a.body, &u); err != nil || u.Channel == "" {
		return nil, fmt.Errorf("%s, but it is no update", a.Status)
	}
	return &u, nil
}

// listed is a transport as the server lists it.
type listed struct{ Name, URL string }

// findChannel finds the channel to read, and its transports.
func (d *doctor) findChannel(ctx context.Context) Check {
	c := Check{Name: "channel", Status: NotTested}
	if d.channel = d.o.Channel; d.channel == "" {
		if d.channel = d.firstPublic(ctx); d.channel == "" {
			c.Seen = "no public channel is listed: held requests, streams, caching and origins were not tested"
			c.Change = "name a channel with --channel, or create one with: motacilla channel create test"
			return c
		}
	}
	c.Status = Failure
	escaped := url.PathEscape(string(d.channel))
	a, err := d.ask(ctx, http.MethodGet, d.at("/channels/"+escaped+"/transports"))
	if err != nil {
		c.Seen, c.Change = err.Error(), "pass /channels/ on to the server"
		return c
	}
	switch a.StatusCode {
	case http.StatusNotFound:
		c.Seen = fmt.Sprintf("there is no channel %s here, or /channels/ is not passed on to the server", d.channel)
		c.Change = "name another one with --channel; pass everything on to the server"
		c.Nginx = proxyPass
		return c
	case http.StatusUnauthorized, http.StatusForbidden:
		c.Seen = fmt.Sprintf("the channel %s is private, and there is no token that fits (%s)", d.channel, a.Status)
		c.Change = "give --token, or name a public channel with --channel; does the proxy pass Authorization on?"
		return c
	}
	var answer struct{ Transports []listed }
	if err := json.Unmarshal(a.body, &answer); err != nil || a.StatusCode != http.StatusOK {
		c.Seen = fmt.Sprintf("/channels/%s/transports is answered with %s, not as Motacilla does", d.channel, a.Status)
		c.Change, c.Nginx = "is the URL right? Pass everything on to the server", proxyPass
		return c
	}
	d.listed = answer.Transports
	var names []string
	for _, t := range d.listed {
		names = append(names, t.Name)
		if u := d.resolve(a.Request.URL, t.URL); u != nil {
			d.offers[t.Name] = u
		}
	}
	d.askChannel(ctx, escaped)
	c.Status = OK
	c.Seen = fmt.Sprintf("reading %s, which is offered by %s", d.channel, strings.Join(names, ", "))
	return c
}

// firstPublic returns the first public channel that the server lists, or "".
func (d *doctor) firstPublic(ctx context.Context) motacilla.ChannelID {
	const mostPages = 10
	query := "?limit=100"
	for range mostPages {
		a, err := d.ask(ctx, http.MethodGet, d.at("/api/channels"+query))
		if err != nil || a.StatusCode != http.StatusOK {
			return ""
		}
		var list struct {
			Channels []struct{ ID, Access string }
			Next     string
		}
		if json.Unmarshal(a.body, &list) != nil {
			return ""
		}
		for _, c := range list.Channels {
			if id, err := motacilla.ParseChannelID(c.ID); err == nil && c.Access == string(motacilla.Public) {
				return id
			}
		}
		if list.Next == "" {
			return ""
		}
		query = "?limit=100&after=" + url.QueryEscape(list.Next)
	}
	return ""
}

// askChannel reads the channel's access and head from the REST interface. Without that interface, the channel counts as
// public if no token was given.
func (d *doctor) askChannel(ctx context.Context, escaped string) {
	d.public = d.o.Token == ""
	a, err := d.ask(ctx, http.MethodGet, d.at("/api/channels/"+escaped))
	if err != nil || a.StatusCode != http.StatusOK {
		return
	}
	var c struct {
		Access   string
		Revision motacilla.Revision
	}
	if json.Unmarshal(a.body, &c) == nil {
		d.public, d.head, d.rest = c.Access == string(motacilla.Public), c.Revision, c.Revision > 0
	}
}

// resolve returns the URL of a transport that the list at the URL at has as ref, or nil if ref is no URL. Clients resolve it
// in the same way (docs/wire.md).
func (d *doctor) resolve(at *url.URL, ref string) *url.URL {
	u, err := url.Parse(ref)
	if err != nil || ref == "" {
		return nil
	}
	if u.Scheme == "" && u.Host == "" && strings.HasPrefix(ref, "/") {
		if u, err = url.Parse(d.base.EscapedPath() + ref); err != nil { // a proxy serves it below a path
			return nil
		}
	}
	return at.ResolveReference(u)
}

// since returns a transport's URL with a cursor and more of a query.
func since(u *url.URL, r motacilla.Revision, more string) string {
	v := *u
	q := v.Query()
	q.Set("since", r.String())
	v.RawQuery = q.Encode() + more
	return v.String()
}

// seconds returns a duration for people.
func seconds(d time.Duration) string {
	if d < 100*time.Millisecond {
		return d.Round(time.Millisecond).String()
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

const proxyPass = "location / {\n    proxy_pass http://127.0.0.1:8080;\n}"
