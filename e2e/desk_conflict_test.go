package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/motacilla-live/motacilla"
)

// said waits until the outbox says exactly this of its entries.
func (p *tab) said(entries ...string) {
	p.t.Helper()
	p.until(fmt.Sprintf(`JSON.stringify(left()) === %q`, js(append([]string{}, entries...))))
}

func (d *deskSite) draftsPath(id string) string {
	return "channels/" + string(channel) + "/drafts/" + id
}

// TestDeskLostAnswers: the answer to every write is lost when it comes for the first time. Nothing is made twice, and nothing is a
// conflict.
func TestDeskLostAnswers(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	d := newDeskSite(t)
	f := newDeskFront(t, d)
	edited, removed := d.post("edit me"), d.post("remove me")
	p := f.opens(d.as(browser(t), d.person("ed", "editor")), "")
	var mu sync.Mutex
	seen := map[string]bool{}
	f.loses(func(r *http.Request, status int) bool {
		if r.Method == http.MethodGet || status >= 300 {
			return true
		}
		mu.Lock()
		defer mu.Unlock()
		id := r.Method + r.URL.Path + r.Header.Get("Idempotency-Key")
		defer func() { seen[id] = true }()
		return seen[id]
	})
	p.eval(`setInterval(() => desk.outbox.kick(), 50)`, nil)
	p.eval(fmt.Sprintf(`(async () => {
		const [edited, removed] = [await desk.api.post(channel, %q), await desk.api.post(channel, %q)];
		await write("new");
		const on = (was) => ({channel, post: was.id, base: was.revision, was});
		await add({...on(edited), kind: "edit", body: {content: text("edited")}});
		await add({...on(edited), kind: "edit", body: {content: text("edited twice")}});
		await add({...on(edited), kind: "edit", body: {pinned: true}});
		await add({...on(removed), kind: "delete"});
		await add({kind: "draft", channel, body: {content: text("submitted")}, then: "submit"});
		await add({kind: "draft", channel, body: {content: text("published")}, then: "publish"});
		await schedule("scheduled", %q);
	})()`, edited, removed, later()), nil)
	p.empty()
	f.loses(nil)
	if got, want := d.texts(), []string{"edited twice", "new", "published"}; !slices.Equal(got, want) {
		t.Errorf("the posts are %q, want %q", got, want)
	}
	var states []string
	for _, one := range d.drafts() {
		states = append(states, one.words()+" "+one.State)
	}
	if want := []string{"submitted submitted", "published published", "scheduled scheduled"}; !slices.Equal(states, want) {
		t.Errorf("the drafts are %q, want %q", states, want)
	}
	if list := d.all(); !list[0].Pinned {
		t.Error("the post is not pinned")
	}

	// What others do between an attempt and the next is no conflict: they have seen what the first one made.
	post := d.post("before")
	var once sync.Once
	f.loses(func(r *http.Request, status int) (ok bool) {
		ok = true
		if r.Method == http.MethodPatch && strings.Contains(r.URL.Path, "/posts/") {
			once.Do(func() {
				d.edit(post, map[string]any{"text": "Ben's, after mine"})
				ok = false
			})
		}
		return ok
	})
	p.eval(fmt.Sprintf(`edit(%q, "mine")`, post), nil)
	p.empty()
	if got := d.texts(); !slices.Contains(got, "Ben's, after mine") {
		t.Errorf("the posts are %q", got)
	}
}

// TestDeskConflicts: two editors change the same post, one of them without a net. The second one learns of it, and nothing is lost.
func TestDeskConflicts(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	d := newDeskSite(t)
	f := newDeskFront(t, d)
	p := f.opens(d.as(browser(t), d.person("ed", "editor")), "")
	// away has the editor change a post without a net, while others do something.
	away := func(id motacilla.PostID, change string, others func()) {
		t.Helper()
		p.eval(fmt.Sprintf(`desk.api.post(channel, %q).then((post) => void (globalThis.was = post))`, id), nil)
		p.offline(true)
		p.eval(`add({channel, post: was.id, base: was.revision, was, `+change+`})`, nil)
		p.until(`left().length === 1 && left()[0].startsWith("waiting")`)
		others()
		p.offline(false)
	}
	has := func(want ...string) {
		t.Helper()
		if got := d.texts(); !slices.Equal(got, want) {
			t.Fatalf("the posts are %q, want %q", got, want)
		}
	}

	post := d.post("at first")
	away(post, `kind: "edit", body: {content: text("mine")}`, func() { d.edit(post, map[string]any{"text": "Ben's"}) })
	p.said("conflict edit mine")
	p.until(`desk.outbox.entries.value[0].theirs.content[0].value.text.includes("Ben's")`)
	has("Ben's")
	p.eval(`(() => {
		const {key, change, theirs} = desk.outbox.entries.value[0];
		return desk.outbox.replace(key, {...change, base: theirs.revision, was: theirs, body: {content: text("both")}});
	})()`, nil)
	p.empty()
	has("both")

	away(post, `kind: "edit", body: {content: text("mine")}`, func() { d.remove(post) })
	p.said("conflict edit mine")
	p.until(`desk.outbox.entries.value[0].theirs === null`)
	has()
	p.eval(`(() => {
		const {key, change} = desk.outbox.entries.value[0];
		return desk.outbox.replace(key, {kind: "post", channel, body: change.body});
	})()`, nil)
	p.empty()
	has("mine")

	post = d.post("both may change this")
	away(post, `kind: "edit", body: {content: text("changed")}`, func() { d.edit(post, map[string]any{"pinned": true, "author": "Ben"}) })
	p.empty()
	has("mine", "changed")
	if last := d.all()[1]; !last.Pinned {
		t.Error("the edit has undone what another editor has changed")
	}

	away(post, `kind: "delete"`, func() { d.edit(post, map[string]any{"text": "still needed"}) })
	p.said("conflict delete")
	p.eval(`desk.outbox.drop(desk.outbox.entries.value[0].key)`, nil)
	p.empty()
	has("mine", "still needed")
	away(post, `kind: "delete"`, func() { d.remove(post) })
	p.empty()
	has("mine")

	// A draft that two have open.
	var draft draftJSON
	d.api(http.MethodPost, "channels/"+string(channel)+"/drafts", map[string]any{"text": "a draft"}, &draft)
	p.eval(fmt.Sprintf(`desk.api.get("channels/" + channel + "/drafts/%s").then(({value}) => void (globalThis.draft = value))`, draft.ID), nil)
	d.api(http.MethodPatch, d.draftsPath(draft.ID), map[string]any{"text": "Ben's draft"}, nil)
	p.eval(`add({kind: "draft-edit", channel, draft: draft.id, base: draft.modified, was: draft, body: {content: text("my draft")}})`, nil)
	p.said("conflict draft-edit my draft")
	p.eval(`(() => {
		const {key, change, theirDraft} = desk.outbox.entries.value[0];
		return desk.outbox.replace(key, {...change, base: theirDraft.modified, was: theirDraft, then: "publish"});
	})()`, nil)
	p.empty()
	has("mine", "my draft")
}

// TestDeskRefused: what the server does not take stays, with the server's words, and goes out when it is mended.
func TestDeskRefused(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	d := newDeskSite(t)
	f := newDeskFront(t, d)
	d.api(http.MethodPost, "channels", map[string]any{"id": "mine", "title": "Mine"}, nil)
	p := f.opens(d.as(browser(t), d.person("con", "contributor:"+string(channel), "editor:mine")), "")
	p.eval(`write("not mine to write")`, nil)
	p.said("refused post not mine to write 403")
	p.eval(`add({kind: "post", channel: "mine", body: {content: [{type: "embed", value: {url: "no link"}}]}})`, nil)
	p.eval(`add({kind: "post", channel: "mine", body: {content: text("x".repeat(1100000))}})`, nil)
	p.eval(`add({kind: "post", channel: "nowhere", body: {content: text("mine")}})`, nil)
	p.eval(`(async () => {
		const key = await desk.files.add(new Blob(["no picture"], {type: "image/png"}));
		await add({kind: "post", channel: "mine", body: {content: [{type: "image", value: {local: key, alt: "no picture"}}]}});
	})()`, nil)
	p.until(`left().length === 5 && left().every((line) => line.startsWith("refused"))`)
	var details []string
	p.eval(`desk.outbox.entries.value.map(({problem}) => problem.status + " " + problem.detail)`, &details)
	for i, want := range []string{"403 ", "400 content[0].value.url", "413 body: must be at most", "403 ", "422 image: must be"} {
		if !strings.HasPrefix(details[i], want) {
			t.Errorf("the problem is %q, want %q", details[i], want)
		}
	}
	p.eval(`Promise.all(desk.outbox.entries.value.map(({key, change}, i) =>
		desk.outbox.replace(key, {kind: "post", channel: "mine", body: {content: text("mended " + i)}})))`, nil)
	p.empty()
	var page struct{ Posts []postJSON }
	d.api(http.MethodGet, "channels/mine/posts", nil, &page)
	if len(page.Posts) != 5 {
		t.Errorf("there are %d posts", len(page.Posts))
	}
	p.empties("entries", "files", "kept")
}

// TestDeskSessionEnds: what is written after the session was ended waits. It is sent for the same person, and only shown to another one.
func TestDeskSessionEnds(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	d := newDeskSite(t)
	f := newDeskFront(t, d)
	ed, ben := d.person("ed", "editor"), d.person("ben", "editor")
	in := browser(t)
	p := f.opens(d.as(in, ed), "")
	p.eval(`write("before")`, nil)
	p.empty()

	var list struct{ Sessions []struct{ ID string } }
	d.api(http.MethodGet, "access/sessions?who=person/ed", nil, &list)
	for _, s := range list.Sessions {
		d.api(http.MethodDelete, "access/sessions/"+s.ID+"?who=person/ed", nil, nil)
	}
	p.eval(`write("after")`, nil)
	p.until(`desk.me.session.value === "out" || settled.length === 2`) // the node may not have heard of it yet
	p.eval(`write("later")`, nil)
	p.until(`desk.me.session.value === "out"`)
	p.until(`left().at(-1).startsWith("waiting post later")`)

	second := f.opens(d.as(in, ben), "")
	p.until(`desk.me.account.value === "person/ben"`)
	second.eval(`write("Ben's")`, nil)
	second.until(`settled.length === 1`)
	second.eval(`(async () => {
		const {key} = desk.outbox.entries.value.findLast((e) => !desk.outbox.own(e));
		await desk.outbox.drop(key); // and takes that back
		await desk.outbox.putBack(key);
	})()`, nil)
	p.until(`left().at(-1).startsWith("waiting post later") && !desk.outbox.own(desk.outbox.entries.value.at(-1))`)
	if got := d.texts(); slices.Contains(got, "later") {
		t.Fatalf("what one has written was sent as another: %q", got)
	}
	second.close()

	f.opens(d.as(in, d.signIn("ed")), "")
	p.empty()
	got := d.texts()
	slices.Sort(got)
	if want := []string{"Ben's", "after", "before", "later"}; !slices.Equal(got, want) {
		t.Errorf("the posts are %q, want %q", got, want)
	}
}

// TestDeskSendsAsNobodyElse: another person signs in, and the page has yet to learn of it. The server refuses what it sends for the first.
func TestDeskSendsAsNobodyElse(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	d := newDeskSite(t)
	f := newDeskFront(t, d)
	ed, ben := d.person("ed", "editor"), d.person("ben", "editor")
	in := browser(t)
	p := f.opens(d.as(in, ed), "")
	p.until(`desk.me.account.value === "person/ed"`)
	p.eval(`{desk.me.check = async () => {}; desk.me.lost = () => {}}`, nil)
	d.as(in, ben)
	p.eval(`(async () => {
		await write("Ed's");
		const local = await desk.files.add(await picture(30, 20));
		await add({kind: "post", channel, body: {content: [...text("Ed's"), {type: "image", value: {local, alt: "picture"}}]}});
	})()`, nil)
	p.until(`left().length === 2 && desk.outbox.entries.value[0].problem?.status === 401`)
	await(t, "the picture waits too", func() (waits bool) {
		p.eval(`values("files").then(([file]) => file !== undefined && !file.block)`, &waits)
		return waits
	})
	if got := d.texts(); len(got) != 0 {
		t.Fatalf("what one has written was sent as another: %q", got)
	}
	d.as(in, d.signIn("ed"))
	p.eval(`desk.outbox.kick()`, nil)
	p.empty()
	if got, want := d.texts(), []string{"Ed's", "Ed's picture"}; !slices.Equal(got, want) {
		t.Errorf("the posts are %q, want %q", got, want)
	}
}

// TestDeskOffline: what is written without a net, with pictures, goes out in order as soon as the net is back.
func TestDeskOffline(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	d := newDeskSite(t)
	f := newDeskFront(t, d)
	in := d.as(browser(t), d.person("ed", "editor"))
	p := f.opens(in, "")
	p.offline(true)
	// From now on nothing is tried again because some time has passed.
	p.eval(`(() => {
		const real = setTimeout;
		globalThis.setTimeout = (f, ms, ...rest) => ms < 1000 || ms > 25000 ? real(f, ms, ...rest) : 0;
	})()`, nil)
	p.eval(`(async () => {
		for (let n = 1; n <= 6; n++) {
			const content = text("offline " + n);
			if (n % 3 === 0) content.push({type: "image", value: {local: await desk.files.add(await picture(60, 40)), alt: "picture"}});
			await desk.outbox.add({kind: "post", channel, body: {content}});
		}
	})()`, nil)
	p.until(`left().length === 6 && left().every((line) => line.startsWith("waiting"))`)
	var shown bool
	p.eval(`(async () => {
		const key = desk.outbox.entries.value[2].change.body.content[1].value.local;
		const image = new Image();
		image.src = await desk.files.url(key);
		await image.decode();
		return image.width === 60 && desk.files.state(key).value.waiting;
	})()`, &shown)
	if !shown {
		t.Error("a picture that waits is not shown")
	}
	if n := f.requests("POST "); n != 0 {
		t.Errorf("there were %d requests without a net", n)
	}
	p.offline(false)
	p.empty()
	want := []string{"offline 1", "offline 2", "offline 3 picture", "offline 4", "offline 5", "offline 6 picture"}
	if got := d.texts(); !slices.Equal(got, want) {
		t.Errorf("the posts are %q, want %q", got, want)
	}
	if list := d.all(); list[2].Content[1].Value.Media == "" {
		t.Error("the picture is not the server's")
	}
	p.empties("entries", "files")
}
