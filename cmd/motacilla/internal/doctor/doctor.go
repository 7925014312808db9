// Package doctor checks a running server, and the proxies before it: whether held requests, streams and WebSockets come
// through, and whether caches and other origins are served as they must be. It only reads.
package doctor

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/motacilla-live/motacilla"
)

// Status is the result of a check.
type Status string

// The statuses.
const (
	OK        Status = "ok"
	Warning   Status = "warning"
	Failure   Status = "failure"
	NotTested Status = "not tested"
)

// Check is one check and its result.
type Check struct {
	Name   string `json:"name"`
	Status Status `json:"status"`
	Seen   string `json:"seen"`
	Change string `json:"change,omitempty"` // what to do about it
	Nginx  string `json:"nginx,omitempty"`  // the same, for nginx, in lines
}

// Report has the results of all checks.
type Report struct {
	URL     string  `json:"url"`
	Channel string  `json:"channel,omitempty"` // the channel that was read; "" if there was none
	Checks  []Check `json:"checks"`
}

// Count returns how many checks have a status.
func (r *Report) Count(s Status) int {
	n := 0
	for _, c := range r.Checks {
		if c.Status == s {
			n++
		}
	}
	return n
}

// Options are the settings of [Run]. nil and zero fields mean the defaults.
type Options struct {
	Channel motacilla.ChannelID // the channel to read; the first public one that is listed
	Token   string              // for a private channel
	Origin  string              // another origin whose scripts are to read, such as https://www.example.org
	Fast    bool                // leave out what takes more than a few seconds

	// Progress is called with what Run waits for. It may be called from several goroutines, one at a time.
	Progress func(text string)
	// Transport makes the requests. It must not decompress answers. The default is like http.DefaultTransport.
	Transport *http.Transport

	Quick     time.Duration // how long an answer that comes at once may take; 5 s
	Held      time.Duration // how long to wait for the answer to a request that is held; 70 s
	First     time.Duration // how long the first event of a stream may take; Quick
	Short     time.Duration // a request that is answered sooner, without changes, was not held; 2 s
	Again     time.Duration // the same request, sent again, is answered sooner only by a cache; Short
	Heartbeat time.Duration // how long to wait for a heartbeat; 45 s
	Now       func() time.Time
	Pause     func(ctx context.Context, d time.Duration) error // waits between two requests
}

func (o *Options) withDefaults() Options {
	var d Options
	if o != nil {
		d = *o
	}
	d.Quick, d.Held = cmp.Or(d.Quick, 5*time.Second), cmp.Or(d.Held, 70*time.Second)
	d.Short, d.Heartbeat = cmp.Or(d.Short, 2*time.Second), cmp.Or(d.Heartbeat, 45*time.Second)
	d.First, d.Again = cmp.Or(d.First, d.Quick), cmp.Or(d.Again, d.Short)
	if d.Progress == nil {
		d.Progress = func(string) {}
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.Pause == nil {
		d.Pause = pause
	}
	if d.Transport == nil {
		d.Transport = &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, DisableCompression: true}
	}
	return d
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// doctor is one examination.
type doctor struct {
	o        Options
	base     *url.URL // without a slash at its end
	client   *http.Client
	progress sync.Mutex

	proxied bool // a proxy has left its headers
	channel motacilla.ChannelID
	public  bool
	offers  map[string]*url.URL // by the transport's name
	listed  []listed            // as the server gave them
	head    motacilla.Revision  // of the channel; 0 if unknown
	rest    bool                // head is from the REST interface
}

// Run checks the server at base. If the first request is not answered, it returns the error, unless the server's certificate is
// why: then the report has nothing but that. If ctx ends, it returns ctx's error. All else is in the report.
func Run(ctx context.Context, base *url.URL, o *Options) (*Report, error) {
	d := &doctor{o: o.withDefaults(), base: base, offers: map[string]*url.URL{}}
	d.client = &http.Client{Transport: d.o.Transport}
	defer d.client.CloseIdleConnections()
	first, err := d.ask(ctx, http.MethodGet, d.at("/healthz"))
	if c, is := d.distrusted(err); is {
		return &Report{URL: base.String(), Checks: []Check{c}}, ctx.Err()
	}
	if err != nil {
		return nil, err
	}
	report := &Report{}
	checks := d.reached(first)
	report.URL = d.base.String()
	checks = append(checks, d.redirect(ctx), d.ready(ctx, first), d.exposed(ctx))
	channel := d.findChannel(ctx)
	checks = append(checks, channel)
	if channel.Status == OK {
		report.Channel = string(d.channel)
		checks = append(checks, d.clock(ctx), d.addresses(), d.hosts(ctx), d.origins(ctx))
		checks = append(checks, d.caching(ctx)...)
		checks = append(checks, d.slow(ctx)...)
	}
	report.Checks = append(checks, d.forwarded())
	return report, ctx.Err()
}

// slow runs the checks that wait, all at once.
func (d *doctor) slow(ctx context.Context) []Check {
	if !d.o.Fast {
		d.tell("Holding requests and streams open, for about half a minute (--fast leaves this out) ...")
	}
	parts := []func(context.Context) []Check{d.held, d.merged, d.stream, d.webSocket, d.kept}
	results := make([][]Check, len(parts))
	var all sync.WaitGroup
	for i, part := range parts {
		all.Go(func() {
			results[i] = part(ctx)
			for _, c := range results[i] {
				if !d.o.Fast {
					d.tell(c.Name + ": " + string(c.Status))
				}
			}
		})
	}
	all.Wait()
	var checks []Check
	for _, list := range results {
		checks = append(checks, list...)
	}
	return checks
}

func (d *doctor) tell(text string) {
	d.progress.Lock()
	defer d.progress.Unlock()
	d.o.Progress(text)
}
