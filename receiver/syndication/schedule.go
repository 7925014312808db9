package syndication

import (
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	longestHint    = 24 * time.Hour     // a feed may ask for no longer pause
	longestPause   = 7 * 24 * time.Hour // of a server that asks for a pause (Retry-After)
	longestBackoff = 6 * time.Hour
	betweenPolls   = time.Hour // of a feed whose hub tells of changes
)

// pause is how long a feed is left alone after an answer.
type pause struct {
	interval   time.Duration // as configured
	hint       time.Duration // what the feed and the answer's caching ask for; 0 if nothing
	asked      time.Duration // what Retry-After asks for; 0 if nothing
	failures   int           // in a row
	subscribed time.Duration // for so long a hub tells of changes
}

// length returns the pause without jitter.
func (p pause) length() time.Duration {
	d := max(p.interval, min(p.hint, longestHint))
	d = max(d, min(p.subscribed, betweenPolls))
	if p.failures > 0 {
		d = p.interval << min(p.failures, 16)
		d = max(p.interval, min(d, longestBackoff))
	}
	return max(d, min(p.asked, longestPause))
}

// jitter returns a time between d and 1.1 d, so that feeds and nodes do not meet again.
func jitter(d time.Duration) time.Duration { return d + rand.N(d/10+1) }

// maxAge returns for how long an answer is fresh (RFC 9111, sections 5.2.2.1 and 4.2.3), or 0.
func maxAge(h http.Header) time.Duration {
	for directive := range strings.SplitSeq(strings.Join(h.Values("Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		if strings.EqualFold(name, "max-age") {
			n, _ := strconv.ParseInt(strings.Trim(value, `" `), 10, 64)
			age, _ := strconv.ParseInt(h.Get("Age"), 10, 64)
			return seconds(max(n-max(age, 0), 0))
		}
	}
	return 0
}

// seconds returns n seconds, and does not overflow.
func seconds(n int64) time.Duration {
	return time.Duration(min(max(n, 0), int64(longestPause/time.Second))) * time.Second
}

// ttl returns the pause that a feed asks for by RSS's ttl, in minutes, or 0.
func ttl(text string) time.Duration {
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil || n <= 0 {
		return 0
	}
	return seconds(min(n, 1<<20) * 60)
}

// updatePeriod returns the pause that a feed asks for by sy:updatePeriod and sy:updateFrequency (the RSS module Syndication),
// or 0.
func updatePeriod(period, frequency string) time.Duration {
	day := 24 * time.Hour
	d, known := map[string]time.Duration{
		"hourly": time.Hour, "daily": day, "weekly": 7 * day, "monthly": 30 * day, "yearly": 365 * day,
	}[strings.ToLower(strings.TrimSpace(period))]
	if !known {
		return 0
	}
	if n, err := strconv.ParseInt(strings.TrimSpace(frequency), 10, 64); err == nil && n > 1 {
		d /= time.Duration(min(n, 1<<20))
	}
	return d
}
