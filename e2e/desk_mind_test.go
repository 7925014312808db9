package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/motacilla-live/motacilla/route"
)

// TestDeskOutboxChangesItsMind: a person changes or takes back what is being sent, or is not sent yet.
func TestDeskOutboxChangesItsMind(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	d := newDeskSite(t)
	f := newDeskFront(t, d)
	in := d.as(browser(t), d.person("ed", "editor"))
	p := f.opens(in, "")
	const first = `desk.outbox.entries.value[0]`
	replace := func(words string) string {
		return fmt.Sprintf(`desk.outbox.replace(%s.key, {kind: "post", channel, body: {content: text(%q)}})`, first, words)
	}

	// A text is replaced while the request with the older one is under way, and then again after its answer was lost.
	for _, lost := range []bool{false, true} {
		reached, passed := make(chan struct{}), make(chan struct{})
		var once atomic.Bool
		f.loses(func(r *http.Request, _ int) bool {
			if r.Method != http.MethodPost || !once.CompareAndSwap(false, true) {
				return true
			}
			close(reached)
			<-passed
			return !lost
		})
		p.eval(fmt.Sprintf(`write("older %v")`, lost), nil)
		receive(t, "the server has the older text", reached)
		p.until(first + `.state === "sending"`)
		p.eval(replace(fmt.Sprintf("newer %v", lost)), nil)
		close(passed)
		p.eval(`desk.outbox.kick()`, nil)
		p.empty()
	}
	f.loses(nil)
	if got, want := d.texts(), []string{"newer false", "newer true"}; !slices.Equal(got, want) {
		t.Fatalf("the posts are %q, want %q", got, want)
	}

	// A removal waits for a while, and is taken back. Another one goes out, although its tab is gone.
	remove := func(id, when string) {
		t.Helper()
		p.eval(fmt.Sprintf(`desk.api.post(channel, %q).then((was) =>
			add({kind: "delete", channel, post: was.id, base: was.revision, was}, %s)).then(() => undefined)`, id, when), nil)
	}
	list := d.all()
	remove(list[0].ID, `new Date(Date.now() + 3600_000)`)
	p.eval(`write("goes past it")`, nil)
	p.until(`left().length === 1 && ` + first + `.change.kind === "delete"`)
	var unsent bool
	if p.eval(`desk.outbox.drop(`+first+`.key)`, &unsent); !unsent {
		t.Error("a removal that waited may have been sent")
	}
	remove(list[1].ID, `new Date(Date.now() + 300)`)
	p.close()
	q := f.opens(in, "")
	q.empty()
	if got, want := d.texts(), []string{"newer false", "goes past it"}; !slices.Equal(got, want) {
		t.Errorf("the posts are %q, want %q", got, want)
	}

	// What was thrown away is taken back, with its picture.
	q.offline(true)
	q.eval(`(async () => {
		const local = await desk.files.add(await picture(30, 20));
		const {key} = await desk.outbox.add({kind: "post", channel, body: {content: [{type: "image", value: {local, alt: "thrown away"}}]}});
		await desk.outbox.drop(key);
		if (desk.outbox.entries.value.length > 0) throw new Error("it is still there");
		await desk.outbox.putBack(key);
	})()`, nil)
	q.offline(false)
	q.empty()
	if got, want := d.texts(), []string{"newer false", "goes past it", "thrown away"}; !slices.Equal(got, want) {
		t.Errorf("the posts are %q, want %q", got, want)
	}
}

// TestDeskOutboxBearsStrangers: what comes from something between the browser and the server, and what the server says of the moment,
// refuses nothing.
func TestDeskOutboxBearsStrangers(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	d := newDeskSite(t)
	f := newDeskFront(t, d)
	p := f.opens(d.as(browser(t), d.person("ed", "editor")), "")
	page := func(status int) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(status)
			_, _ = w.Write([]byte("<h1>Please pay for the network</h1>"))
		}
	}
	problem := func(status int, retry string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			if retry != "" {
				w.Header().Set("Retry-After", retry)
			}
			route.WriteProblem(w, route.Problem{Status: status})
		}
	}
	strange := []func(http.ResponseWriter){
		page(http.StatusOK), page(http.StatusNotFound), page(http.StatusBadGateway), problem(http.StatusServiceUnavailable, "1"),
		problem(http.StatusTooManyRequests, "1"), problem(http.StatusInternalServerError, ""), page(http.StatusGatewayTimeout),
	}
	var n atomic.Int64
	f.says(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/posts") {
			return false
		}
		i := int(n.Add(1)) - 1
		if i < len(strange) {
			strange[i](w)
		}
		return i < len(strange)
	})
	p.eval(`setInterval(() => desk.outbox.kick(), 50)`, nil)
	p.eval(`(async () => {await write("one"); await write("two")})()`, nil)
	p.empty()
	if got, want := d.texts(), []string{"one", "two"}; !slices.Equal(got, want) {
		t.Errorf("the posts are %q, want %q", got, want)
	}

	// An entry that the server can't digest does not hold up the others for ever.
	f.says(func(w http.ResponseWriter, r *http.Request) bool {
		poison := r.Method == http.MethodDelete
		if poison {
			problem(http.StatusInternalServerError, "")(w)
		}
		return poison
	})
	p.eval(fmt.Sprintf(`desk.api.post(channel, %q).then((was) => add({kind: "delete", channel, post: was.id, base: was.revision, was}))`,
		d.all()[0].ID), nil)
	p.eval(`write("three")`, nil)
	p.until(`left().length === 1 && left()[0].startsWith("waiting delete")`)
	f.says(nil)
	p.empty()
	if got, want := d.texts(), []string{"two", "three"}; !slices.Equal(got, want) {
		t.Errorf("the posts are %q, want %q", got, want)
	}
}

// TestDeskStateWithoutAccounts: on a site without accounts whoever has the server's token may write.
func TestDeskStateWithoutAccounts(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	d := &deskSite{program: serve(t, "")}
	f := newDeskFront(t, d)
	in := browser(t)
	p := open(t, in, f.url+"/compose")
	p.fill("#token", token)
	p.press("button[type=submit]")
	p.at("/compose")
	q := f.opens(in, "")
	q.eval(`write("by the token")`, nil)
	q.empty()
	q.until(`desk.me.can(channel, "write")`)
	if got, want := d.texts(), []string{"by the token"}; !slices.Equal(got, want) {
		t.Errorf("the posts are %q, want %q", got, want)
	}
}
