package publishertest

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/route"
)

const name = "publisher" // of the only part of a site in Run

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
		if strings.Contains(rt.Pattern, "{channel_id}") == rt.Many || strings.ContainsAny(rt.Pattern, " ?#") {
			t.Errorf("the pattern %q must be a path with {channel_id}, unless it is for many channels, without a method", rt.Pattern)
		}
		if rt.Handler == nil {
			t.Errorf("the route %q has no handler", rt.Pattern)
		}
	}
}

func testSnapshot(t *testing.T, run func(settings) *site) {
	s := run(settings{})
	empty := s.read(name, Channel, motacilla.View{})
	empty.at(t, s.Head(Channel))
	s.check(t, empty)
	for range pageSize + 5 {
		s.Post(Channel, "Goal")
	}
	empty.at(t, s.Head(Channel)) // now the publisher knows of all posts
	r := s.read(name, Channel, motacilla.View{})
	r.at(t, s.Head(Channel))
	s.check(t, r)
	if view := r.held(); len(view.Renders()) != pageSize || view.Complete {
		t.Errorf("a new reader holds %d posts, complete %v; want the newest %d", len(view.Renders()), view.Complete, pageSize)
	}
}

func testChanges(t *testing.T, run func(settings) *site) {
	s := run(settings{})
	first := s.Post(Channel, "Kick-off")
	r := s.read(name, Channel, motacilla.View{})
	changed := func(what string) {
		t.Helper()
		r.at(t, s.Head(Channel))
		s.check(t, r)
		if t.Failed() {
			t.Fatalf("after: %s", what)
		}
	}
	changed("snapshot")
	second := s.Post(Channel, "Goal <b>1:0</b> \u2028 \"quoted\" \\ ünïcödé \U0001F426")
	changed("create")
	s.Post(Channel, strings.Repeat("A long report. ", 4000))
	changed("create a long one")
	goal := motacilla.Text(motacilla.TrustedHTML("Goal\n1:1"))
	second = s.Edit(Channel, second.ID, func(p *motacilla.Post) { p.Content = []motacilla.Block{goal} })
	changed("edit")
	second = s.Edit(Channel, second.ID, func(p *motacilla.Post) { p.Show = false })
	changed("hide")
	second = s.Edit(Channel, second.ID, func(p *motacilla.Post) { p.Author = "hidden author" })
	changed("edit while hidden")
	second = s.Edit(Channel, second.ID, func(p *motacilla.Post) { p.Show = true })
	changed("show")
	s.Edit(Channel, second.ID, func(p *motacilla.Post) { p.Pinned = true })
	changed("pin")
	s.Remove(Channel, first.ID)
	changed("delete")
	s.Edit(Channel, second.ID, func(p *motacilla.Post) { p.Created = p.Created.Add(-1e12) })
	changed("backdate")
	for range 30 {
		s.Post(Channel, "One of a burst")
	}
	changed("burst")
	r.close()
	if r.resets != 1 {
		t.Errorf("a reader that never left got %d resets, want 1", r.resets)
	}
}

func testState(t *testing.T, run func(settings) *site) {
	s := run(settings{})
	r := s.read(name, Channel, motacilla.View{})
	r.at(t, s.Head(Channel))
	for _, edit := range []func(c *motacilla.Channel){
		func(c *motacilla.Channel) { c.Title = "A <b>better</b> title" },
		func(c *motacilla.Channel) { c.Ended = motacilla.Revision(1763890000123456).Time() },
		func(c *motacilla.Channel) { c.Ended = motacilla.Channel{}.Ended },
	} {
		s.EditChannel(Channel, edit)
		r.at(t, s.Head(Channel))
		s.check(t, r)
	}
}

// testResume resumes at every revision that there was, with the view of that revision.
func testResume(t *testing.T, run func(settings) *site) {
	s := run(settings{})
	live := s.read(name, Channel, motacilla.View{})
	live.at(t, s.Head(Channel))
	views := []motacilla.View{live.held()}
	then := func() {
		t.Helper()
		live.at(t, s.Head(Channel))
		views = append(views, live.held())
	}
	var posts []motacilla.Post
	for range 6 {
		posts = append(posts, s.Post(Channel, "Minute"))
		then()
	}
	posts[0] = s.Edit(Channel, posts[0].ID, func(p *motacilla.Post) { p.Author = "editor" })
	then()
	posts[1] = s.Edit(Channel, posts[1].ID, func(p *motacilla.Post) { p.Show = false })
	then()
	posts[1] = s.Edit(Channel, posts[1].ID, func(p *motacilla.Post) { p.Show = true })
	then()
	s.Remove(Channel, posts[2].ID)
	then()
	for _, view := range views {
		since := view.Revision
		r := s.read(name, Channel, view)
		r.at(t, s.Head(Channel))
		s.check(t, r)
		r.close()
		if r.resets > 0 {
			t.Errorf("a reader that resumed at %d, which the store remembers, got a reset", since)
		}
	}
	// A reader that has missed more than an update may carry gets a reset.
	for range catchUp + 1 {
		s.Post(Channel, "Missed")
	}
	live.at(t, s.Head(Channel)) // else the reader may come while few of them are known, and then miss nothing
	r := s.read(name, Channel, views[0])
	r.at(t, s.Head(Channel))
	s.check(t, r)
	r.close()
	if r.resets == 0 {
		t.Errorf("a reader that has missed more than %d posts got no reset", catchUp)
	}
}

func testUnknownCursor(t *testing.T, run func(settings) *site) {
	s := run(settings{})
	first := s.Head(Channel)
	goal := s.Post(Channel, "Goal")
	s.Post(Channel, "Goal")
	head := s.Head(Channel)
	for what, since := range map[string]motacilla.Revision{
		"from before the channel":     first - 1,
		"one":                         1,
		"between two revisions":       head - 1,
		"of the future":               head + 1e9,
		"of the end of all revisions": 1<<63 - 1,
	} {
		if since == goal.Revision {
			continue // the posts are a microsecond apart, so that head-1 was issued
		}
		// The view is of another store, and must be replaced.
		var view motacilla.View
		stale := motacilla.Render{ID: motacilla.NewPostID(first.Time()), Show: true, Content: "stale", Revision: since}
		view.Apply(&motacilla.Update{Revision: since, Reset: true, Complete: true, Renders: []motacilla.Render{stale}}, true)
		r := s.read(name, Channel, view)
		r.until(t, "it gets a reset for a cursor "+what, func() bool { return r.resets > 0 })
		s.check(t, r)
		r.close()
	}
}

func testUnknownChannel(t *testing.T, run func(settings) *site) {
	s := run(settings{})
	r := s.read(name, "no-such-channel", motacilla.View{})
	r.until(t, "it is told that there is no such channel", func() bool { return r.err != nil })
	if !errors.Is(r.err, motacilla.ErrNotFound) {
		t.Errorf("got %v for an unknown channel, want ErrNotFound", r.err)
	}
	// Once the channel is made, it can be read.
	s.Create("no-such-channel", motacilla.Public)
	later := s.read(name, "no-such-channel", motacilla.View{})
	later.until(t, "it gets the channel that was made meanwhile", func() bool { return later.view.Revision > 0 })
}

func testChannelsApart(t *testing.T, run func(settings) *site) {
	s := run(settings{})
	const other motacilla.ChannelID = "a.b_c~d:e@f+g-9"
	s.Create(other, motacilla.Public)
	here, there := s.read(name, Channel, motacilla.View{}), s.read(name, other, motacilla.View{})
	for range 5 {
		s.Post(Channel, "Here")
		s.Post(other, "There")
	}
	c, err := s.Store.Channel(t.Context(), other)
	if err != nil {
		t.Fatal(err)
	}
	here.at(t, s.Head(Channel))
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
