package syndication

import (
	"net/http"
	"testing"
	"time"
)

func TestPause(t *testing.T) {
	const interval = 2 * time.Minute
	for _, c := range []struct {
		name string
		p    pause
		want time.Duration
	}{
		{"as configured", pause{interval: interval}, interval},
		{"the feed wants less", pause{interval: interval, hint: time.Hour}, time.Hour},
		{"the feed wants more", pause{interval: interval, hint: time.Second}, interval},
		{"the feed wants to be left alone for a year", pause{interval: interval, hint: 365 * 24 * time.Hour}, 24 * time.Hour},
		{"a hub tells", pause{interval: interval, subscribed: 24 * time.Hour}, time.Hour},
		{"a hub tells for a short time only", pause{interval: interval, subscribed: 10 * time.Minute}, 10 * time.Minute},
		{"one failure", pause{interval: interval, failures: 1}, 2 * interval},
		{"three failures", pause{interval: interval, failures: 3}, 8 * interval},
		{"very many failures", pause{interval: interval, failures: 1 << 40}, 6 * time.Hour},
		{"an interval beyond the longest backoff", pause{interval: 24 * time.Hour, failures: 2}, 24 * time.Hour},
		{"the server asks for time", pause{interval: interval, failures: 1, asked: time.Hour}, time.Hour},
		{"the server asks for a second", pause{interval: interval, failures: 1, asked: time.Second}, 2 * interval},
		{"the server asks for a century", pause{interval: interval, failures: 1, asked: 1 << 62}, 7 * 24 * time.Hour},
	} {
		if got := c.p.length(); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestHeadersThatAskForTime(t *testing.T) {
	for _, c := range []struct {
		control, age string
		want         time.Duration
	}{
		{"max-age=300", "", 5 * time.Minute}, {`public, Max-Age="300"`, "60", 4 * time.Minute}, {"max-age=10", "60", 0},
		{"no-cache", "", 0}, {"max-age=x", "", 0}, {"s-maxage=300", "", 0},
	} {
		if got := maxAge(http.Header{"Cache-Control": {c.control}, "Age": {c.age}}); got != c.want {
			t.Errorf("Cache-Control: %s, Age: %s is %v", c.control, c.age, got)
		}
	}
	for text, want := range map[string]time.Duration{"60": time.Hour, " 5 ": 5 * time.Minute, "-1": 0, "x": 0, "99999999999999": longestPause} {
		if got := ttl(text); got != want {
			t.Errorf("ttl %q is %v", text, got)
		}
	}
	if got := updatePeriod("daily", "4"); got != 6*time.Hour {
		t.Errorf("four times a day is %v", got)
	}
	if got := updatePeriod("hourly", ""); got != time.Hour {
		t.Errorf("hourly is %v", got)
	}
	if got := updatePeriod("sometimes", "4"); got != 0 {
		t.Errorf("sometimes is %v", got)
	}
}
