package publishertest

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage"
)

const name = "publisher" // of Run's only part

func testRoutes(t *testing.T, run func(settings) *site) {
	s := run(settings{})
	p := s.parts[name].publisher
	routes, again := p.URLs(), p.URLs()
	plain := func(routes []route.Route) (list [][2]string) {
		for _, rt := range routes {
			list = append(list, [2]string{rt.Name, rt.Pattern})
		}
		return list
	}
	if !reflect.DeepEqual(plain(routes), plain(again)) {
		t.Errorf("URLs() is %v, then %v", plain(routes), plain(again))
	}
	for _, rt := range routes {
		if !strings.Contains(rt.Pattern, "{channel_id}") || strings.ContainsAny(rt.Pattern, " ?#") {
			t.Errorf("the pattern %q must be a path with {channel_id}, without a method", rt.Pattern)
		}
		if rt.Handler == nil {
			t.Errorf("the route %q has no handler", rt.Pattern)
		}
	}
}

func testSnapshot(t *testing.T, run func(settings) *site) {
	s := run(settings{})
	empty := s.read(name, channel, motacilla.View{})
	empty.at(t, s.head(t))
	s.check(t, empty)
	for range pageSize + 5 {
		s.post(t, channel, "Goal")
	}
	r := s.read(name, channel, motacilla.View{})
	r.at(t, s.head(t))
	s.check(t, r)
	if view := r.held(); len(view.Renders()) != pageSize || view.Complete {
		t.Errorf("a new reader holds %d posts, complete %v; want the newest %d", len(view.Renders()), view.Complete, pageSize)
	}
}

func testChanges(t *testing.T, run func(settings) *site) {
	s := run(settings{})
	first := s.post(t, channel, "Kick-off")
	r := s.read(name, channel, motacilla.View{})
	step := func(what string) {
		t.Helper()
		r.at(t, s.head(t))
		s.check(t, r)
		if t.Failed() {
			t.Fatalf("after: %s", what)
		}
	}
	step("snapshot")
	second := s.post(t, channel, "Goal <b>1:0</b> \u2028 \"quoted\" \\ ünïcödé \U0001F426")
	step("create")
	s.post(t, channel, strings.Repeat("A long report. ", 4000))
	step("create a long one")
	second = s.edit(t, second, func(p *motacilla.Post) { p.Content = []motacilla.Block{motacilla.Text("Goal\n1:1")} })
	step("edit")
	second = s.edit(t, second, func(p *motacilla.Post) { p.Show = false })
	step("hide")
	second = s.edit(t, second, func(p *motacilla.Post) { p.Author = "hidden author" })
	step("edit while hidden")
	second = s.edit(t, second, func(p *motacilla.Post) { p.Show = true })
	step("show")
	s.edit(t, second, func(p *motacilla.Post) { p.Pinned = true })
	step("pin")
	s.remove(t, first)
	step("delete")
	s.edit(t, second, func(p *motacilla.Post) { p.Created = p.Created.Add(-1e12) })
	step("backdate")
	for range 30 {
		s.post(t, channel, "One of a burst")
	}
	step("burst")
	r.close()
	if r.resets != 1 {
		t.Errorf("a reader that never left got %d resets, want 1", r.resets)
	}
}

func testState(t *testing.T, run func(settings) *site) {
	s := run(settings{})
	r := s.read(name, channel, motacilla.View{})
	r.at(t, s.head(t))
	for _, edit := range []func(c *motacilla.Channel){
		func(c *motacilla.Channel) { c.Title = "A <b>better</b> title" },
		func(c *motacilla.Channel) { c.Ended = motacilla.Revision(1763890000123456).Time() },
		func(c *motacilla.Channel) { c.Ended = motacilla.Channel{}.Ended },
	} {
		_, err := storage.EditChannel(t.Context(), s.store(), channel, func(c *motacilla.Channel) error { edit(c); return nil })
		if err != nil {
			t.Fatal(err)
		}
		r.at(t, s.head(t))
		s.check(t, r)
	}
}

// testResume has a reader come back with every revision that there was, each with the view that belongs to it.
func testResume(t *testing.T, run func(settings) *site) {
	s := run(settings{})
	live := s.read(name, channel, motacilla.View{})
	live.at(t, s.head(t))
	views := []motacilla.View{live.held()}
	then := func() {
		t.Helper()
		live.at(t, s.head(t))
		views = append(views, live.held())
	}
	var posts []motacilla.Post
	for range 6 {
		posts = append(posts, s.post(t, channel, "Minute"))
		then()
	}
	posts[0] = s.edit(t, posts[0], func(p *motacilla.Post) { p.Author = "editor" })
	then()
	posts[1] = s.edit(t, posts[1], func(p *motacilla.Post) { p.Show = false })
	then()
	posts[1] = s.edit(t, posts[1], func(p *motacilla.Post) { p.Show = true })
	then()
	s.remove(t, posts[2])
	then()
	for _, view := range views {
		since := view.Revision
		r := s.read(name, channel, view)
		r.at(t, s.head(t))
		s.check(t, r)
		r.close()
		if r.resets > 0 {
			t.Errorf("resumed at %d, which the store remembers, and got a reset", since)
		}
	}
	// One who missed more than an update may bring is given everything anew.
	for range catchUp + 1 {
		s.post(t, channel, "Missed")
	}
	r := s.read(name, channel, views[0])
	r.at(t, s.head(t))
	s.check(t, r)
	r.close()
	if r.resets == 0 {
		t.Errorf("resumed with more than %d posts to catch up on, and got no reset", catchUp)
	}
}

func testUnknownCursor(t *testing.T, run func(settings) *site) {
	s := run(settings{})
	first := s.head(t)
	goal := s.post(t, channel, "Goal")
	s.post(t, channel, "Goal")
	head := s.head(t)
	for what, since := range map[string]motacilla.Revision{
		"from before the channel":     first - 1,
		"one":                         1,
		"between two revisions":       head - 1,
		"of the future":               head + 1e9,
		"of the end of all revisions": 1<<63 - 1,
	} {
		if since == goal.Revision {
			continue // two posts a microsecond apart: head-1 was issued
		}
		// What it holds belongs to another store, and must go.
		var view motacilla.View
		stale := motacilla.Render{ID: motacilla.NewPostID(first.Time()), Show: true, Content: "stale", Revision: since}
		view.Apply(&motacilla.Update{Revision: since, Reset: true, Complete: true, Renders: []motacilla.Render{stale}}, true)
		r := s.read(name, channel, view)
		r.until(t, "it has a reset, with a cursor "+what, func() bool { return r.resets > 0 })
		s.check(t, r)
		r.close()
	}
}

func testUnknownChannel(t *testing.T, run func(settings) *site) {
	s := run(settings{})
	r := s.read(name, "no-such-channel", motacilla.View{})
	r.until(t, "it is told that there is no such channel", func() bool { return r.err != nil })
	if !errors.Is(r.err, motacilla.ErrNotFound) {
		t.Errorf("an unknown channel is %v, want ErrNotFound", r.err)
	}
	// Nothing is left of it: once it is made, it can be read.
	s.create(t, "no-such-channel")
	later := s.read(name, "no-such-channel", motacilla.View{})
	later.until(t, "it has the channel that was made meanwhile", func() bool { return later.view.Revision > 0 })
}

func testChannelsApart(t *testing.T, run func(settings) *site) {
	s := run(settings{})
	const other motacilla.ChannelID = "a.b_c~d:e@f+g-9"
	s.create(t, other)
	here, there := s.read(name, channel, motacilla.View{}), s.read(name, other, motacilla.View{})
	for range 5 {
		s.post(t, channel, "Here")
		s.post(t, other, "There")
	}
	c, err := s.store().Channel(t.Context(), other)
	if err != nil {
		t.Fatal(err)
	}
	here.at(t, s.head(t))
	there.at(t, c.Head)
	s.check(t, here)
	view := there.held()
	for _, p := range view.Renders() {
		if !strings.Contains(p.Content, "There") {
			t.Errorf("channel %s has %q", other, p.Content)
		}
	}
	if n := len(view.Renders()); n != 5 {
		t.Errorf("channel %s has %d posts, want 5", other, n)
	}
}
