package e2e

import (
	"fmt"
	"net/http"
	"testing"
)

// TestPageOfAnotherSite imports the browser client into a page of another origin.
func TestPageOfAnotherSite(t *testing.T) {
	t.Parallel()
	for _, name := range everyTransport {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var server string
			site := usual().start(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/html")
				_, _ = fmt.Fprintf(w, `<!doctype html><title>Another site</title>
					<p data-live-status></p>
					<div id="live-posts" data-channel="match" data-transports="%s/channels/match/transports"></div>
					<script type="module">
					import {connect} from "%s/assets/live.js";
					connect(document.querySelector("#live-posts"), {onStatus: status => window.said = status});
					</script>`, server, server)
			}))
			t.Cleanup(site.Close)
			s := serve(t, name, "MOTACILLA_SERVER_ORIGINS="+site.URL)
			server = s.site()
			s.post("one")
			chromium := browser(t)
			p, two := open(t, chromium, site.URL), open(t, chromium, site.URL)
			p.live()
			two.live()
			p.shows("one")
			s.post("two")
			p.shows("two", "one")
			two.shows("two", "one")
			p.until(`window.said === "live"`)
			if used := transports(p, two); len(used) != 1 || used[0] != name {
				t.Errorf("the pages asked %q, want %s alone", used, name)
			}
		})
	}
}
