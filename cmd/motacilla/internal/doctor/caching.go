package doctor

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla/publisher/polling"
)

const (
	interval = "interval-polling"
	long     = "long-polling"

	// cacheable is the server's Cache-Control for a poll of a public channel.
	cacheable = polling.SharedCaching
	private   = "private, no-store"

	// oldest is the age of the oldest answer that a correct cache gives.
	oldest = 6 * time.Second
	// slack is for Date, which has whole seconds, and for the network.
	slack = 2 * time.Second
)

// caching checks with two polls what interval polling needs of caches.
func (d *doctor) caching(ctx context.Context) []Check {
	tag, control := Check{Name: "etag", Status: NotTested}, Check{Name: "cache-control", Status: NotTested}
	u := d.offers[interval]
	if u == nil {
		tag.Seen = interval + " is not offered"
		control.Seen = tag.Seen
		return []Check{tag, control}
	}
	a, err := d.ask(ctx, http.MethodGet, since(u, d.head, ""))
	if err == nil {
		_, err = a.update()
	}
	if err != nil {
		tag.Status, tag.Seen = Failure, interval+": "+err.Error()
		tag.Change, tag.Nginx = "pass the readers' paths on to the server", proxyPass
		control.Seen = tag.Seen
		return []Check{tag, control}
	}
	return []Check{d.etag(ctx, a), d.cacheControl(a)}
}

// etag asks again with the entity tag of the first answer.
func (d *doctor) etag(ctx context.Context, a *answer) Check {
	c := Check{Name: "etag", Status: OK}
	tag := a.Header.Get("ETag")
	if tag == "" {
		c.Status, c.Seen = Failure, "a poll's answer has no ETag: every poll is answered in full, 304 is never used"
		c.Change = "something on the way takes ETag off, such as a filter that rewrites answers"
		c.Nginx = "# remove from the location: proxy_hide_header ETag; sub_filter ...; more_clear_headers ETag;"
		return c
	}
	again, err := d.ask(ctx, http.MethodGet, a.Request.URL.String(), "If-None-Match", tag)
	switch {
	case err != nil:
		c.Status, c.Seen = Failure, err.Error()
	case again.StatusCode == http.StatusNotModified:
		c.Seen = "a poll with nothing new is answered with 304"
	case again.StatusCode == http.StatusOK && again.Header.Get("ETag") != tag:
		c.Status, c.Seen = NotTested, "the channel changed meanwhile"
	default:
		c.Status = Failure
		c.Seen = fmt.Sprintf("a poll with If-None-Match: %s is answered with %s, not 304", tag, again.Status)
		c.Change = "something on the way takes If-None-Match off"
		c.Nginx = `# remove from the location: proxy_set_header If-None-Match "";`
	}
	return c
}

func (d *doctor) cacheControl(a *answer) Check {
	c := Check{Name: "cache-control", Status: OK}
	want := cacheable
	if !d.public {
		want = private
	}
	got := strings.Join(a.Header.Values("Cache-Control"), ", ")
	if slices.Equal(directives(got), directives(want)) {
		c.Seen = "a poll's answer says " + want
		return c
	}
	c.Status = Warning
	c.Seen = fmt.Sprintf("a poll's answer says %q, but the server says %q", got, want)
	c.Change = "do not change Cache-Control on the way; with it a cache in front can answer nearly all polls"
	c.Nginx = "# remove from the location: expires ...; proxy_hide_header Cache-Control; add_header Cache-Control ...;"
	if !d.public || maxAge(got) > 0 {
		c.Status = Failure
		c.Change = "do not change Cache-Control on the way: readers, or strangers, get old answers from a cache"
	}
	return c
}

func directives(header string) []string {
	var list []string
	for part := range strings.SplitSeq(strings.ToLower(header), ",") {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, part)
		}
	}
	slices.Sort(list)
	return list
}

// maxAge returns for how many seconds a browser keeps the answer.
func maxAge(header string) int {
	for _, d := range directives(header) {
		if value, ok := strings.CutPrefix(d, "max-age="); ok {
			n, _ := strconv.Atoi(value) // 0 if it is no number
			return n
		}
	}
	return 0
}

// kept looks for a cache that keeps what it must not keep, or keeps it too long.
func (d *doctor) kept(ctx context.Context) []Check {
	c := Check{Name: "cache", Status: OK, Seen: "no cache on the way keeps an answer for too long"}
	change := "have the cache obey Cache-Control, with the whole URL as its key"
	lines := "# remove: proxy_ignore_headers Cache-Control; proxy_cache_valid 200 ...;\n" +
		"proxy_cache_key $scheme$host$request_uri;"
	for _, look := range []func(context.Context) string{d.keyless, d.stale, d.keptUnkeepable, d.keptLong} {
		if seen := look(ctx); seen != "" {
			return []Check{{Name: c.Name, Status: Failure, Seen: seen, Change: change, Nginx: lines}}
		}
	}
	if d.offers[interval] == nil && d.offers[long] == nil {
		return []Check{{Name: c.Name, Status: NotTested, Seen: "no polling is offered"}}
	}
	if d.o.Fast {
		c.Seen += ", as far as that shows at once"
	}
	return []Check{c}
}

// keyless finds a cache that ignores the query: an answer has the cursor of its request.
func (d *doctor) keyless(ctx context.Context) string {
	u := d.offers[interval]
	if u == nil {
		return ""
	}
	for _, cursor := range []int64{1, 2} { // nobody has them
		a, err := d.ask(ctx, http.MethodGet, u.String()+"?since="+strconv.FormatInt(cursor, 10))
		if err != nil {
			return ""
		}
		if update, err := a.update(); err == nil && int64(update.From) != cursor {
			return fmt.Sprintf("a poll from revision %d is answered with the answer to %d: a cache leaves the query out of its key",
				cursor, update.From)
		}
	}
	return ""
}

// stale finds a cache whose answer is older than the channel.
func (d *doctor) stale(ctx context.Context) string {
	u := d.offers[interval]
	if u == nil || !d.rest || d.o.Now().Sub(d.head.Time()) < oldest+slack {
		return ""
	}
	for range 2 { // a cache may give an old answer once more while it fetches a new one
		a, err := d.ask(ctx, http.MethodGet, since(u, 0, ""))
		if err != nil {
			return ""
		}
		got, err := a.update()
		if err != nil || got.Revision >= d.head {
			return ""
		}
		if d.o.Pause(ctx, time.Second) != nil {
			return ""
		}
	}
	return "a poll's answer is older than what the channel's newest revision was at the beginning: it is from a cache"
}

// keptUnkeepable asks twice for an answer with no-store.
func (d *doctor) keptUnkeepable(ctx context.Context) string {
	u := d.offers[long]
	if u == nil {
		return ""
	}
	target := since(u, d.head, "&hold=0")
	var before string
	for i := range 2 {
		a, err := d.ask(ctx, http.MethodGet, target)
		if err != nil || a.StatusCode != http.StatusOK {
			return ""
		}
		if sign := fromCache(a.Header); sign != "" {
			return "an answer that says no-store came from a cache (" + sign + ")"
		}
		date := a.Header.Get("Date")
		if i > 0 && date != "" && date == before {
			return "an answer that says no-store was kept by a cache: it comes again with the Date " + date
		}
		before = date
		if i == 0 && (d.o.Fast || d.o.Pause(ctx, slack+100*time.Millisecond) != nil) {
			return ""
		}
	}
	return ""
}

func fromCache(h http.Header) string {
	if age := h.Get("Age"); age != "" && age != "0" {
		return "Age: " + age
	}
	for _, name := range []string{"X-Cache", "X-Cache-Status", "CF-Cache-Status"} {
		if v := strings.ToUpper(h.Get(name)); strings.Contains(v, "HIT") || strings.Contains(v, "STALE") {
			return name + ": " + h.Get(name)
		}
	}
	return ""
}

// keptLong asks again for a poll's answer when no cache may have it any more.
func (d *doctor) keptLong(ctx context.Context) string {
	u := d.offers[interval]
	if u == nil || d.o.Fast {
		return ""
	}
	target := since(u, d.head, "")
	ask := func() (date time.Time, at time.Time, age int) {
		a, err := d.ask(ctx, http.MethodGet, target)
		if err != nil {
			return
		}
		age, _ = strconv.Atoi(a.Header.Get("Age"))
		date, _ = http.ParseTime(a.Header.Get("Date")) // zero if it is no time
		return date, a.at, age
	}
	first, then, _ := ask()
	if first.IsZero() || d.o.Pause(ctx, oldest+slack) != nil {
		return ""
	}
	ask() // a cache may give the old answer once more while it fetches a new one
	if d.o.Pause(ctx, time.Second) != nil {
		return ""
	}
	last, now, age := ask()
	switch {
	case last.IsZero():
	case age > int(oldest/time.Second):
		return fmt.Sprintf("a poll's answer is %d s old (Age)", age)
	case now.Sub(then)-last.Sub(first) > oldest+slack && last.Equal(first):
		return fmt.Sprintf("a poll's answer from %v ago comes again", now.Sub(then).Round(time.Second))
	}
	return ""
}
