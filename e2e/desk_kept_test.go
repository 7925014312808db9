package e2e

import (
	"context"
	"fmt"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// crash crashes a tab.
func (p *tab) crash() {
	p.t.Helper()
	ctx, cancel := context.WithCancel(p.ctx)
	defer cancel()
	go func() { // the tab does not answer
		_ = chromedp.Do(ctx, call(page.Crash, cdp.Empty{}))
	}()
	p.close()
}

const composes = `void (globalThis.keeper = desk.kept.keeper({channel}))`

// restored waits until a composer of a new tab gets what was kept.
func (p *tab) restored(want string) {
	p.t.Helper()
	p.eval(composes, nil)
	p.eval(`void (globalThis.back = null, (async () => {
		while (back === null) {
			back = await keeper.restore();
			await new Promise((r) => setTimeout(r, 20));
		}
	})())`, nil)
	p.until(`back !== null`)
	var got string
	if p.eval(`JSON.stringify(back)`, &got); got != want {
		p.t.Errorf("what was kept is %s, want %s", got, want)
	}
}

// unkept checks that a text which the browser can't keep is said to be unsafe, until it is gone.
func (p *tab) unkept() {
	p.t.Helper()
	p.eval(composes, nil)
	p.eval(`keeper.save(() => ({words: "for this tab alone"})), keeper.flush()`, nil)
	p.until(`desk.unsafe.value`)
	p.eval(`keeper.clear()`, nil)
	p.until(`!desk.unsafe.value`)
}

// TestDeskKeepsTexts: what is in a composer is there again after a crash, to the last moment. Tabs do not take each other's.
func TestDeskKeepsTexts(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	d := newDeskSite(t)
	f := newDeskFront(t, d)
	in := d.as(browser(t), d.person("ed", "editor"))
	p, other := f.opens(in, ""), f.opens(in, "")
	other.eval(composes, nil)
	other.eval(`keeper.save(() => ({words: "the other's"}))`, nil)
	other.eval(`keeper.flush()`, nil)
	p.eval(composes, nil)
	var nothing bool
	if p.eval(`keeper.restore().then((text) => text === null)`, &nothing); !nothing {
		t.Error("a tab has taken the text of another one that is open")
	}
	// The person types without a pause, and nobody asks for anything to be saved. What was typed is soon on the disk.
	p.eval(`(async () => {
		let words = "";
		for (let seen = false, keys = 0; !seen; keys++) {
			if (keys > 1000) throw new Error("nothing is kept while somebody types");
			words += "x";
			keeper.save(() => ({words, local: "a"}));
			await new Promise((r) => setTimeout(r, 10));
			seen = (await values("kept")).some(({value}) => value.words.startsWith("xxx"));
		}
		words = "up to here";
		keeper.save(() => ({words, local: "a"}));
		while (!(await values("kept")).some(({value}) => value.words === words)) await new Promise((r) => setTimeout(r, 10));
	})()`, nil)
	p.crash()
	next := f.opens(in, "")
	next.restored(`{"words":"up to here","local":"a"}`)
	other.eval(`keeper.flush()`, nil)

	// A tab that is loaded again has its own text again.
	other.run(chromedp.Reload())
	other.until(`globalThis.desk && desk.me.session.value === "in"`)
	other.restored(`{"words":"the other's"}`)

	// What goes to the outbox is gone from the composer in the same step.
	next.eval(`keeper.save(() => ({words: "typed, and sent at once"}))`, nil)
	next.eval(`desk.outbox.add({kind: "post", channel, body: {content: text("sent")}}, {from: keeper})`, nil)
	next.empty()
	var counts map[string]int
	if next.eval(`records()`, &counts); counts["kept"] != 1 || counts["entries"] != 0 {
		t.Errorf("the database has %v", counts)
	}
	other.eval(`keeper.clear()`, nil)
	if next.eval(`records()`, &counts); counts["kept"] != 0 {
		t.Errorf("the database has %v", counts)
	}
}

// TestDeskWithoutADatabase: a browser that keeps nothing says so, and the desk works as long as the page is open.
func TestDeskWithoutADatabase(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	d := newDeskSite(t)
	f := newDeskFront(t, d)
	session := d.person("ed", "editor")
	in := d.as(browser(t), session)
	absent := `Object.defineProperty(globalThis, "indexedDB", {get() { throw new DOMException("forbidden", "SecurityError") }})`
	p := open(t, in, f.url+"/desk-state?channel="+string(channel), absent)
	p.until(`globalThis.desk && desk.me.session.value === "in" && desk.trouble.value === "absent"`)
	p.unkept()
	p.offline(true)
	p.eval(`write("in memory")`, nil)
	p.until(`desk.unsafe.value`)
	p.offline(false)
	p.empty()
	p.until(`!desk.unsafe.value`)

	first := f.opens(in, "") // leads
	first.until(`desk.outbox.leads.value`)
	q := open(t, in, f.url+"/desk-state?channel="+string(channel), failing)
	q.until(`globalThis.desk && desk.me.session.value === "in"`)
	q.eval(`fails = "QuotaExceededError"`, nil)
	q.unkept()
	q.eval(`fails = ""`, nil)
	q.offline(true)
	q.eval(`(async () => {
		globalThis.content = async (words) => {
			const local = await desk.files.add(await picture(30, 20));
			return [...text(words), {type: "image", value: {local, alt: "a picture"}}];
		};
		globalThis.composed = await content("composed");
		`+composes+`;
		keeper.save(() => composed);
		await keeper.flush();
	})()`, nil)
	// There is no room: what is written stays in this tab, is sent by it, and is said to be unsafe. So do its pictures, of which the
	// database had some before.
	q.eval(`(async () => {
		fails = "QuotaExceededError";
		await desk.outbox.add({kind: "post", channel, body: {content: await content("no room")}});
		await desk.outbox.add({kind: "post", channel, body: {content: composed}}, {from: keeper});
		await keeper.clear(); // as the composer does then
	})()`, nil)
	q.until(`desk.unsafe.value && desk.outbox.entries.value.every(({kept}) => !kept)`)
	q.offline(false)
	q.empty()
	got := d.texts()
	if want := "[in memory no room a picture composed a picture]"; fmt.Sprint(got) != want {
		t.Errorf("the posts are %v, want %v", got, want)
	}
}

// failing has the database fail in writing with the error that the global fails names, if it does.
const failing = `globalThis.fails = "";
	globalThis.failures = 0;
	const put = IDBObjectStore.prototype.put;
	IDBObjectStore.prototype.put = function (...args) {
		if (fails) {
			failures++;
			throw new DOMException("as the test wants it", fails);
		}
		return put.apply(this, args);
	}`

// TestDeskKeepsAfterAFailure: a browser whose database has failed once keeps what is written, and lets it be sent.
func TestDeskKeepsAfterAFailure(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	d := newDeskSite(t)
	f := newDeskFront(t, d)
	in := d.as(browser(t), d.person("ed", "editor"))
	p := open(t, in, f.url+"/desk-state?channel="+string(channel), failing)
	p.until(`globalThis.desk && desk.me.session.value === "in"`)
	p.eval(composes, nil)
	const fails = `(async () => {
		fails = "UnknownError";
		keeper.save(() => ({words: "typed"}));
		let failed = false;
		await keeper.flush().catch(() => (failed = true));
		fails = "";
		return failed;
	})()`
	var failed bool
	if p.eval(fails, &failed); !failed {
		t.Error("the database has not failed")
	}
	p.eval(`keeper.flush()`, nil)
	var kept []string
	if p.eval(`values("kept").then((all) => all.map(({value}) => value.words))`, &kept); fmt.Sprint(kept) != "[typed]" {
		t.Errorf("%q is kept", kept)
	}
	p.eval(fails, nil)
	p.eval(`desk.outbox.add({kind: "post", channel, body: {content: text("sent")}}, {from: keeper})`, nil)
	p.empty()
	p.eval(`keeper.flush()`, nil)
	var counts map[string]int
	if p.eval(`records()`, &counts); counts["kept"]+counts["entries"] != 0 {
		t.Errorf("the database has yet %v", counts)
	}

	// What is on the disk goes out: also if it is full, which sending ends, and if it fails for a while.
	for _, name := range []string{"QuotaExceededError", "UnknownError"} {
		p.offline(true)
		p.eval(fmt.Sprintf(`(async () => {
			const local = await desk.files.add(await picture(30, 20));
			await desk.outbox.add({kind: "post", channel, body: {content: [{type: "image", value: {local, alt: %[1]q}}]}});
			failures = 0;
			fails = %[1]q;
		})()`, name), nil)
		p.offline(false)
		if name == "UnknownError" {
			p.until(`failures > 1`)
			p.eval(`void (fails = "")`, nil)
		}
		p.empty()
		p.eval(`void (fails = "")`, nil)
	}
	if got, want := fmt.Sprint(d.texts()), "[sent QuotaExceededError UnknownError]"; got != want {
		t.Errorf("the posts are %s, want %s", got, want)
	}
	p.empties("files", "entries")
}
