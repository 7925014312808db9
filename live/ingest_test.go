package live_test

import (
	"strings"
	"testing"
)

// TestIngestSanitises: what the app's own code writes is sanitised, in the page and in updates.
func TestIngestSanitises(t *testing.T) {
	t.Parallel()
	s := start(t, options(t))
	p := s.post(`<script>ran()</script><img src=x onerror="ran()"><a href="javascript:ran()">a hat</a> <b>sold</b>`)
	if p.Source != "shop" {
		t.Errorf("the source is %q", p.Source)
	}
	for _, path := range []string{"/channels/match", "/live/interval-polling/match/", "/api/channels/match/posts"} {
		body := s.ask("GET", base+path, "").Body.String()
		if strings.Contains(body, "ran()") || !strings.Contains(body, "a hat") || !strings.Contains(body, "sold") {
			t.Errorf("%s: %s", path, body)
		}
	}
}
