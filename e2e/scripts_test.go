package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/motacilla-live/motacilla/route"
)

// TestLinksThatRunScriptsAreTakenOut posts what no receiver lets in. A page of another site without a policy shows it:
// the client alone must take out what could run.
func TestLinksThatRunScriptsAreTakenOut(t *testing.T) {
	t.Parallel()
	s := newStack(t, "long-polling")
	site := s.wire.start(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = fmt.Fprintf(w, `<!doctype html><title>Another site</title><p data-live-status></p>
			<div id="live-posts" data-channel="match" data-transports="%[1]s/channels/match/transports"></div>
			<script type="module">import {connect} from "%[1]s/assets/live.js";
			connect(document.querySelector("#live-posts"))</script>`, s.site())
	}))
	t.Cleanup(site.Close)
	s.origins = route.NewOrigins(site.URL)
	s.start()
	p := open(t, browser(t), site.URL)
	p.live()
	for i, evil := range []string{
		`<a href="javascript:window.ran=1">link</a>`,
		`<a href="JaVaScRiPt:window.ran=2">link</a>`,
		"<a href=\" \x01 java\tscr\nipt:window.ran=3\">link</a>",
		`<a href="java&#9;script&colon;window.ran=4">link</a>`,
		`<svg><a xlink:href="javascript:window.ran=5"><text y="20">link</text></a></svg>`,
		`<form action="javascript:window.ran=6"><button>link</button></form>`,
		`<form><button formaction="javascript:window.ran=7">link</button></form>`,
		`<iframe src="javascript:parent.ran=8"></iframe>`,
		`<iframe srcdoc="<script>parent.ran=9</script>"></iframe>`,
		`<img src="data:," onerror="window.ran=10">`,
		`<svg><a><animate attributeName="href" values="#;javascript:window.ran=11" fill="freeze"/><text y="20">link</text></a></svg>`,
		`<svg><a><set attributeName="href" to="javascript:window.ran=12"/><text y="20">link</text></a></svg>`,
	} {
		s.post(evil)
		p.until(fmt.Sprintf(`document.querySelectorAll(".live-post").length === %d`, i+1))
		var left []string
		p.eval(`[...document.querySelectorAll("#live-posts *")].flatMap(e => e.matches("animate, set") ? [e.outerHTML] :
			[...e.attributes].filter(a => /^on|^srcdoc$/.test(a.name) || /javascript:/i.test(a.value.replace(/[\x00-\x20]/g, "")))
				.map(a => a.name + "=" + a.value))`, &left)
		if len(left) > 0 {
			text, _ := json.Marshal(left)
			t.Errorf("%s leaves %s", evil, text)
		}
	}
	s.post(`<a href="https://example.org/">fine</a>`)
	p.until(`document.querySelector(".post-body a[href='https://example.org/']")`)
	p.until(`window.ran === undefined`)
}
