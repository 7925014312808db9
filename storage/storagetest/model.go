package storagetest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/motacilla-live/motacilla"
	"pgregory.net/rapid"
)

// model is what one channel must be, kept in the simplest way: a list of everything that ever happened to it.
type model struct {
	ever   bool
	alive  bool
	born   motacilla.Revision
	state  motacilla.Channel
	life   []event // of the present life, or of the one that ended; id "" is the channel itself
	posts  map[motacilla.PostID]motacilla.Post
	source map[string]motacilla.PostID // by message ID
	gone   []motacilla.Post
	events []event // of all lives
}

func (m *model) next(now time.Time) motacilla.Revision {
	return motacilla.NextRevision(m.state.Head, now)
}

func (m *model) happened(e event) {
	m.state.Head = e.revision
	m.life = append(m.life, e)
	m.events = append(m.events, e)
}

func (m *model) begin(c motacilla.Channel, rev motacilla.Revision) motacilla.Channel {
	m.ever, m.alive, m.born, m.life, m.gone = true, true, rev, nil, nil
	m.posts, m.source = make(map[motacilla.PostID]motacilla.Post), make(map[string]motacilla.PostID)
	m.state = c.Normalize()
	m.state.Created, m.state.Changed = rev.Time(), rev
	m.happened(event{revision: rev})
	return m.state
}

// list is what Posts should find.
func (m *model) list(q motacilla.Query) ([]motacilla.Post, bool) {
	all := slices.DeleteFunc(newestFirst(slices.Collect(maps.Values(m.posts))), func(p motacilla.Post) bool {
		return q.Visible && !p.Show || q.Pinned && !p.Pinned || !q.Before.IsZero() && p.Key().Compare(q.Before) >= 0
	})
	limit := cmp.Or(q.Limit, motacilla.DefaultLimit)
	return all[:min(limit, len(all))], len(all) > limit
}

// since is what Changes should find of a revision that is known.
func (m *model) since(since motacilla.Revision) (c motacilla.Changes) {
	c.Head, c.Deleted, c.Known = m.state.Head, !m.alive, true
	if c.Deleted {
		return c
	}
	c.Floor = m.life[0].revision
	for _, e := range m.life {
		if e.revision <= since {
			continue
		}
		c.Issued = append(c.Issued, e.revision)
		p, there := m.posts[e.id]
		switch {
		case e.id == "":
			c.Channel = &m.state
		case e.removed:
			c.Removed = append(c.Removed, motacilla.Removal{ID: e.id, Revision: e.revision})
		case there && p.Revision == e.revision:
			c.Posts = append(c.Posts, p)
		}
	}
	return c
}

// trial is a store and the models of a few of its channels.
type trial struct {
	*suite
	rt     *rapid.T
	names  []motacilla.ChannelID
	models map[motacilla.ChannelID]*model
	done   *int
}

// After random operations the store must hold what the model holds.
func testModel(s *suite) {
	const each = 3000 // operations of a Check: rapid's 100 of 30 steps
	rounds := min(10, s.Operations/each+1)
	done, run := 0, 0
	for done < s.Operations {
		rapid.Check(s, func(rt *rapid.T) {
			run++
			names := make([]motacilla.ChannelID, 3)
			models := make(map[motacilla.ChannelID]*model)
			for i := range names {
				names[i] = motacilla.ChannelID(fmt.Sprintf("run-%06d-%d", run, i))
				models[names[i]] = &model{}
			}
			tr := &trial{suite: s, rt: rt, names: names, models: models, done: &done}
			for range rounds {
				rt.Repeat(tr.actions())
			}
			tr.compareAll()
		})
	}
	s.Logf("%d operations", done)
}

func (tr *trial) actions() map[string]func(*rapid.T) {
	actions := map[string]func(m *model, ch motacilla.ChannelID){
		"new channel": tr.createChannel, "replace channel": tr.replaceChannel, "delete channel": tr.removeChannel,
		"new post": tr.createPost, "new post 2": tr.createPost, "new post 3": tr.createPost,
		"replace post": tr.replacePost, "replace post 2": tr.replacePost, "delete post": tr.removePost,
		"move clock": tr.moveClock, "posts": tr.comparePosts, "changes": tr.compareChanges, "gets": tr.compareGets,
	}
	if tr.Mover != nil {
		actions["barrier"], actions["import"] = tr.barrier, tr.importInto
	}
	wrapped := make(map[string]func(*rapid.T))
	for name, do := range actions {
		wrapped[name] = func(rt *rapid.T) {
			*tr.done++
			tr.rt = rt
			// The first channel gets most of it.
			ch := tr.names[max(0, rapid.IntRange(-3, len(tr.names)-1).Draw(rt, "channel"))]
			do(tr.models[ch], ch)
		}
	}
	return wrapped
}

func (tr *trial) moveClock(*model, motacilla.ChannelID) {
	tr.hand.Move(rapid.SampledFrom([]time.Duration{
		time.Microsecond, time.Millisecond, time.Second, time.Hour, -time.Second, -time.Hour, 1,
	}).Draw(tr.rt, "by"))
}

func (tr *trial) createChannel(m *model, ch motacilla.ChannelID) {
	c := motacilla.Channel{ID: ch, Title: rapid.SampledFrom([]string{"", "one", "two"}).Draw(tr.rt, "title")}
	got, err := tr.PutChannel(tr.ctx, c, 0)
	if m.alive {
		want(tr.rt, "create a channel that is there", err, motacilla.ErrExists)
		return
	}
	made := must[motacilla.Channel](tr.rt)(got, err)
	c.Created = made.Created // the model takes the store's word for it
	expected := m.begin(c, m.next(tr.hand.Now()))
	expected.Created, m.state.Created = made.Created, made.Created
	equalChannel(tr.rt, "new channel", made, expected)
}

// replaced draws the revision that a write replaces: mostly the present one, and sometimes another of the channel, or
// one that was never issued.
func (tr *trial) replaced(m *model, present motacilla.Revision) motacilla.Revision {
	n := len(m.events)
	switch pick := rapid.IntRange(-20, 20).Draw(tr.rt, "replaces"); {
	case pick <= 0 || n == 0:
		return cmp.Or(present, 1)
	case pick < 4:
		return m.events[n-1].revision + motacilla.Revision(pick)
	default:
		return m.events[max(0, n-pick+3)].revision
	}
}

func (tr *trial) replaceChannel(m *model, ch motacilla.ChannelID) {
	next := motacilla.Channel{
		ID: ch, Title: rapid.SampledFrom([]string{"", "one", "two"}).Draw(tr.rt, "title"),
		Ended: rapid.SampledFrom([]time.Time{{}, time.Unix(1, 0).UTC()}).Draw(tr.rt, "ended"),
	}
	replaces := tr.replaced(m, m.state.Changed)
	got, err := tr.PutChannel(tr.ctx, next, replaces)
	switch {
	case !m.alive:
		want(tr.rt, "replace a channel that is not there", err, motacilla.ErrNotFound)
		return
	case replaces != m.state.Changed:
		want(tr.rt, "replace another revision of a channel", err, motacilla.ErrConflict)
		equalChannel(tr.rt, "the channel there is", got, m.state)
		return
	}
	must[motacilla.Channel](tr.rt)(got, err)
	if m.state.Title != next.Title || !m.state.Ended.Equal(next.Ended) {
		m.state.Title, m.state.Ended = next.Title, next.Ended
		m.state.Changed = m.next(tr.hand.Now())
		m.happened(event{revision: m.state.Changed})
	}
	equalChannel(tr.rt, "replaced channel", got, m.state)
}

func (tr *trial) removeChannel(m *model, ch motacilla.ChannelID) {
	if rapid.IntRange(0, 9).Draw(tr.rt, "really") > 0 {
		tr.compareGets(m, ch)
		return
	}
	rev, err := tr.DeleteChannel(tr.ctx, ch)
	if !m.alive {
		want(tr.rt, "delete a channel that is not there", err, motacilla.ErrNotFound)
		return
	}
	equal(tr.rt, "revision of a deletion", must[motacilla.Revision](tr.rt)(rev, err), m.next(tr.hand.Now()))
	m.happened(event{revision: rev})
	m.alive, m.posts, m.source, m.gone = false, nil, nil, nil
}

func (tr *trial) createPost(m *model, ch motacilla.ChannelID) {
	p := tr.drawPost()
	if n := rapid.IntRange(-5, 8).Draw(tr.rt, "message"); n >= 0 {
		p.MessageID = fmt.Sprint(n)
	}
	p.Source = "model"
	got, err := tr.PutPost(tr.ctx, ch, p, 0)
	if !m.alive {
		want(tr.rt, "post to a channel that is not there", err, motacilla.ErrNotFound)
		return
	}
	if id, taken := m.source[p.MessageID]; taken {
		if there, ok := m.posts[id]; ok {
			want(tr.rt, "post a message again", err, motacilla.ErrExists)
			equalPost(tr.rt, "the post there is", got, there)
		} else {
			want(tr.rt, "post a removed message", err, motacilla.ErrDeleted)
		}
		return
	}
	must[motacilla.Post](tr.rt)(got, err)
	p.ID, p.Revision = got.ID, m.next(tr.hand.Now())
	if p.Created.IsZero() {
		p.Created = p.Revision.Time()
	}
	p.Modified = p.Created
	equalPost(tr.rt, "new post", got, p)
	m.posts[p.ID] = p
	if p.MessageID != "" {
		m.source[p.MessageID] = p.ID
	}
	m.happened(event{revision: p.Revision, id: p.ID})
}

// drawPost draws what both a new post and one that replaces another may say.
func (tr *trial) drawPost() motacilla.Post {
	p := motacilla.Post{
		Show: rapid.IntRange(0, 3).Draw(tr.rt, "hide") > 0, Pinned: rapid.IntRange(0, 5).Draw(tr.rt, "pin") == 5,
		Author: rapid.SampledFrom([]string{"", "A", "B"}).Draw(tr.rt, "author"),
	}
	if n := rapid.IntRange(0, 3).Draw(tr.rt, "text"); n > 0 {
		p.Content = []motacilla.Block{motacilla.PlainText(fmt.Sprint("text ", n))}
	}
	if ago := rapid.IntRange(-5, 3).Draw(tr.rt, "ago"); ago >= 0 {
		p.Created = time.Date(2026, 1, 1, 0, ago, 0, 0, time.UTC)
	}
	return p
}

// pick draws a post of the channel, a removed one, or one that never was.
func (tr *trial) pick(m *model) (motacilla.PostID, bool) {
	there := slices.SortedFunc(maps.Values(m.posts), func(a, b motacilla.Post) int { return cmp.Compare(a.Revision, b.Revision) })
	n := rapid.IntRange(-1, 20).Draw(tr.rt, "post")
	switch {
	case n < 0 && len(m.gone) > 0:
		return m.gone[len(m.gone)-1].ID, false
	case n < 0 || len(there) == 0:
		return "018f0000-0000-7000-8000-000000000000", false
	}
	return there[len(there)-1-n%len(there)].ID, true
}

func (tr *trial) replacePost(m *model, ch motacilla.ChannelID) {
	id, there := tr.pick(m)
	draw := tr.drawPost()
	draw.ID = id
	replaces := tr.replaced(m, m.posts[id].Revision)
	got, err := tr.PutPost(tr.ctx, ch, draw, replaces)
	switch {
	case !there:
		want(tr.rt, "replace a post that is not there", err, motacilla.ErrNotFound)
		return
	case replaces != m.posts[id].Revision:
		want(tr.rt, "replace another revision of a post", err, motacilla.ErrConflict)
		equalPost(tr.rt, "the post there is", got, m.posts[id])
		return
	}
	must[motacilla.Post](tr.rt)(got, err)
	old := m.posts[id]
	p := old
	p.Show, p.Pinned, p.Author, p.Content = draw.Show, draw.Pinned, draw.Author, draw.Content
	p.SourceVersion = draw.SourceVersion
	if !draw.Created.IsZero() {
		p.Created = draw.Created
	}
	p.Revision = m.next(tr.hand.Now())
	switch {
	case p.Author != old.Author || !slices.Equal(p.Content, old.Content):
		p.Modified = p.Revision.Time()
	case old.Modified.Equal(old.Created):
		p.Modified = p.Created
	}
	same := p
	same.Revision = old.Revision
	if postDiff(same, old) == "" {
		equalPost(tr.rt, "post that was not changed", got, old)
		return
	}
	equalPost(tr.rt, "replaced post", got, p)
	m.posts[id] = p
	m.happened(event{revision: p.Revision, id: id})
}

func (tr *trial) removePost(m *model, ch motacilla.ChannelID) {
	id, there := tr.pick(m)
	var replaces motacilla.Revision // 0: whatever it is
	if rapid.Bool().Draw(tr.rt, "this revision") {
		replaces = tr.replaced(m, m.posts[id].Revision)
	}
	rev, err := tr.DeletePost(tr.ctx, ch, id, replaces)
	switch {
	case !there:
		want(tr.rt, "delete a post that is not there", err, motacilla.ErrNotFound)
		return
	case replaces != 0 && replaces != m.posts[id].Revision:
		want(tr.rt, "delete another revision of a post", err, motacilla.ErrConflict)
		return
	}
	equal(tr.rt, "revision of a removal", must[motacilla.Revision](tr.rt)(rev, err), m.next(tr.hand.Now()))
	m.gone = append(m.gone, m.posts[id])
	delete(m.posts, id)
	m.happened(event{revision: rev, id: id, removed: true})
}

func (tr *trial) comparePosts(m *model, ch motacilla.ChannelID) {
	q := motacilla.Query{
		Limit:   rapid.SampledFrom([]int{0, 1, 2, 3, 10}).Draw(tr.rt, "limit"),
		Visible: rapid.Bool().Draw(tr.rt, "visible"), Pinned: rapid.IntRange(0, 3).Draw(tr.rt, "pinned") == 3,
	}
	if id, there := tr.pick(m); there && rapid.Bool().Draw(tr.rt, "before") {
		q.Before = m.posts[id].Key()
	}
	page, err := tr.Posts(tr.ctx, ch, q)
	if !m.alive {
		want(tr.rt, "posts of a channel that is not there", err, motacilla.ErrNotFound)
		return
	}
	must[motacilla.Page](tr.rt)(page, err)
	posts, more := m.list(q)
	equal(tr.rt, "head of a page", page.Head, m.state.Head)
	equalPosts(tr.rt, fmt.Sprintf("posts of %+v", q), page.Posts, posts)
	equal(tr.rt, "More", page.More, more)
}

func (tr *trial) compareChanges(m *model, ch motacilla.ChannelID) {
	limit := rapid.SampledFrom([]int{0, 1, 5, 500}).Draw(tr.rt, "limit")
	since := motacilla.Revision(rapid.IntRange(-1, 1).Draw(tr.rt, "distance from an issued one"))
	if n := len(m.events); n > 0 {
		since += m.events[max(0, n-1-rapid.IntRange(0, 40).Draw(tr.rt, "ago"))].revision
	}
	tr.sameChanges(m, ch, since, limit)
}

func (tr *trial) sameChanges(m *model, ch motacilla.ChannelID, since motacilla.Revision, limit int) {
	tr.rt.Helper()
	c, err := tr.Changes(tr.ctx, ch, since, limit)
	if !m.ever {
		want(tr.rt, "changes of a channel that never was", err, motacilla.ErrNotFound)
		return
	}
	must[motacilla.Changes](tr.rt)(c, err)
	wellFormed(tr.rt, since, c)
	expected := m.since(since)
	known := slices.ContainsFunc(m.life, func(e event) bool { return e.revision == since })
	equal(tr.rt, "known", c.Known, known)
	equal(tr.rt, "head", c.Head, expected.Head)
	equal(tr.rt, "deleted", c.Deleted, expected.Deleted)
	if c.Deleted {
		return
	}
	equal(tr.rt, "floor", c.Floor, expected.Floor)
	if !known {
		return
	}
	if (c.Channel == nil) != (expected.Channel == nil) {
		tr.rt.Fatalf("channel since %d is %v, want %v", since, c.Channel, expected.Channel)
	}
	if c.Channel != nil {
		equalChannel(tr.rt, "channel", *c.Channel, m.state)
	}
	truncated := limit > 0 && len(expected.Posts)+len(expected.Removed) > limit
	equal(tr.rt, "truncated", c.Truncated, truncated)
	if truncated {
		return
	}
	equalList(tr.rt, "issued", c.Issued, expected.Issued)
	equalList(tr.rt, "removed", c.Removed, expected.Removed)
	equalPosts(tr.rt, "changed posts", c.Posts, expected.Posts)
}

func (tr *trial) compareGets(m *model, ch motacilla.ChannelID) {
	c, err := tr.Channel(tr.ctx, ch)
	if !m.alive {
		want(tr.rt, "get a channel that is not there", err, motacilla.ErrNotFound)
		return
	}
	equalChannel(tr.rt, "channel", must[motacilla.Channel](tr.rt)(c, err), m.state)
	id, there := tr.pick(m)
	p, err := tr.Post(tr.ctx, ch, id)
	if !there {
		want(tr.rt, "get a post that is not there", err, motacilla.ErrNotFound)
	} else {
		equalPost(tr.rt, "post", must[motacilla.Post](tr.rt)(p, err), m.posts[id])
	}
	message := fmt.Sprint(rapid.IntRange(0, 9).Draw(tr.rt, "message"))
	p, err = tr.PostByMessage(tr.ctx, ch, message)
	id, taken := m.source[message]
	expected, there := m.posts[id]
	switch {
	case !taken:
		want(tr.rt, "get a message that never was", err, motacilla.ErrNotFound)
	case !there:
		want(tr.rt, "get a message that is gone", err, motacilla.ErrDeleted)
	default:
		equalPost(tr.rt, "post by message", must[motacilla.Post](tr.rt)(p, err), expected)
	}
}

// compareAll compares everything there is, at the end of a run.
func (tr *trial) compareAll() {
	heads := must[map[motacilla.ChannelID]motacilla.Revision](tr.rt)(tr.Heads(tr.ctx, tr.names))
	var alive, listed []motacilla.ChannelID
	for _, ch := range tr.names {
		m := tr.models[ch]
		equal(tr.rt, "head of "+string(ch), heads[ch], m.state.Head)
		if len(m.life) > 0 {
			tr.sameChanges(m, ch, m.life[0].revision, 0)
		}
		if m.alive {
			alive = append(alive, ch)
			page := must[motacilla.Page](tr.rt)(tr.Posts(tr.ctx, ch, motacilla.Query{Limit: 1 << 20}))
			expected, _ := m.list(motacilla.Query{Limit: 1 << 20})
			equalPosts(tr.rt, "all posts", page.Posts, expected)
		}
	}
	prefix := tr.names[0][:len(tr.names[0])-1]
	for _, c := range must[[]motacilla.Channel](tr.rt)(tr.Channels(tr.ctx, prefix, len(tr.names))) {
		if c.ID[:min(len(c.ID), len(prefix))] == prefix {
			listed = append(listed, c.ID)
		}
	}
	equalList(tr.rt, "channels", listed, alive)
}
