package syndication

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/client"
	"github.com/motacilla-live/motacilla/receiver"
	"go.uber.org/zap"
)

// peer is a channel of another Motacilla that is followed.
type peer struct {
	*Receiver
	target
	link   *url.URL // of target.url
	client *client.Client
	log    *zap.Logger
}

// peerState is what the nodes know of a peer. It is one record.
type peerState struct {
	URL    string             `json:"url"`
	Cursor motacilla.Revision `json:"cursor,omitempty"` // all up to it was taken
	Begun  time.Time          `json:"begun,omitzero"`   // posts that are older and not in Posts are left alone
	Title  string             `json:"title,omitempty"`  // of the other channel
	Posts  []followed         `json:"posts,omitempty"`  // the newest last
}

// followed is what is noted of a post of the other channel.
type followed struct {
	ID       motacilla.PostID   `json:"id"`
	Root     motacilla.PostID   `json:"root,omitempty"` // of the post that it is a copy of; "" if it is none
	Revision motacilla.Revision `json:"revision"`
	Skipped  bool               `json:"skipped,omitempty"` // it was there before, and has none here
	Hidden   bool               `json:"hidden,omitempty"`
	Pinned   bool               `json:"pinned,omitempty"`
	KeyEvent bool               `json:"key_event,omitempty"`
}

func newPeer(r *Receiver, t target) (*peer, error) {
	link, err := url.Parse(t.url)
	if err != nil {
		return nil, motacilla.Invalid("feeds", "must have a URL, not %q", t.url)
	}
	p := &peer{Receiver: r, target: t, link: link,
		log: r.log.With(zap.String("peer", link.Host+link.EscapedPath()), zap.String("channel", string(t.channel)))}
	p.client, err = client.New(t.peer, &client.Options{Token: r.o.Token, HTTP: r.kit.Client.HTTP(), Attempts: 3})
	if err != nil {
		return nil, motacilla.Invalid("feeds", "can't follow %q: %v", t.url, err)
	}
	return p, nil
}

// transports are those over which the client of package outbound carries everything. A WebSocket makes connections of its own.
func transports() []string { return []string{"sse", "long-polling", "interval-polling"} }

// errStop ends following for a while.
var errStop = errors.New("following ends for a while")

// watch follows the channel. Only the node that has the peer's lease does so.
func (p *peer) watch(ctx context.Context) {
	failures := 0
	for ctx.Err() == nil {
		taken, err := p.follow(ctx)
		if ctx.Err() != nil {
			return
		}
		if failures++; taken {
			failures = 1
		}
		wait := jitter(pause{interval: 5 * time.Second, failures: failures}.length())
		p.kit.Metrics.Count(p.o.Name, receiver.Failed)
		p.log.Warn("the channel is not followed", zap.Error(err), zap.Duration("again", wait))
		sleep(ctx, wait)
	}
}

// follow takes updates until something fails. taken says whether it has taken one.
func (p *peer) follow(ctx context.Context) (taken bool, err error) {
	var st peerState
	if _, err := p.states.load(ctx, p.key, &st); err != nil {
		return false, err
	}
	if st.Begun.IsZero() {
		if err := p.begin(ctx); err != nil {
			return false, err
		}
		return true, p.followFrom(ctx)
	}
	return true, p.followFrom(ctx)
}

// begin takes the newest posts of a channel that was never followed.
func (p *peer) begin(ctx context.Context) error {
	ch, err := p.client.Channel(ctx, p.peerOwn)
	if err != nil {
		return err
	}
	posts, head, err := p.newest(ctx, max(p.o.Backfill, client.MaxPage))
	if err != nil {
		return err
	}
	if head == 0 {
		head = ch.Revision
	}
	return change(ctx, p.states, p.key, func(st *peerState) error {
		*st = peerState{URL: p.url, Begun: head.Time(), Title: ch.Title, Cursor: head}
		for i, post := range slices.Backward(posts) {
			if i >= p.o.Backfill {
				st.note(followed{ID: post.ID, Revision: post.Revision, Skipped: true}, 2*p.o.MaxEntries)
			} else if err := p.take(ctx, st, post); err != nil {
				return err
			}
		}
		return nil
	})
}

// newest returns up to n of the other channel's newest visible posts, the newest first, and the revision at which the channel had
// them at least.
func (p *peer) newest(ctx context.Context, n int) (posts []client.Post, head motacilla.Revision, err error) {
	for before := ""; len(posts) < n; {
		page, err := p.client.PostPage(ctx, p.peerOwn, before, min(client.MaxPage, n))
		if err != nil {
			return nil, 0, err
		}
		if head == 0 {
			head = page.Head // what changes later is told once more
		}
		for _, post := range page.Posts {
			if post.Show {
				posts = append(posts, post)
			}
		}
		if before = page.Next; before == "" {
			break
		}
	}
	return posts[:min(len(posts), n)], head, nil
}

func (p *peer) followFrom(ctx context.Context) error {
	var st peerState
	if _, err := p.states.load(ctx, p.key, &st); err != nil {
		return err
	}
	o := &client.FollowOptions{Transports: transports(), Since: st.Cursor, MaxUpdate: 64 << 20}
	for u, err := range p.client.Follow(ctx, p.peerOwn, o) {
		if err != nil {
			return err
		}
		if u.Heartbeat() {
			continue
		}
		if err := change(ctx, p.states, p.key, func(st *peerState) error { return p.apply(ctx, st, &u) }); err != nil {
			return err
		}
		p.kit.Metrics.Count(p.o.Name, receiver.Taken)
		if u.Gone {
			return fmt.Errorf("the channel was deleted: %w", errStop)
		}
	}
	return errStop
}

// apply takes an update. To take it again changes nothing.
func (p *peer) apply(ctx context.Context, st *peerState, u *motacilla.Update) error {
	if u.State != nil {
		st.Title = u.State.Title
	}
	if u.Reset {
		if err := p.reset(ctx, st, u); err != nil {
			return err
		}
		st.Cursor = u.Revision
		return nil
	}
	for _, r := range u.Renders {
		if err := p.render(ctx, st, r); err != nil {
			return err
		}
	}
	for _, id := range u.Removals {
		if err := p.remove(ctx, st, id); err != nil {
			return err
		}
	}
	st.Cursor = max(st.Cursor, u.Revision)
	return nil
}

// reset takes a snapshot. A post that is not in it, although it reaches so far back, is hidden or was removed.
func (p *peer) reset(ctx context.Context, st *peerState, u *motacilla.Update) error {
	for _, r := range u.Renders {
		if err := p.render(ctx, st, r); err != nil {
			return err
		}
	}
	in := map[motacilla.PostID]bool{}
	for _, r := range u.Renders {
		in[r.ID] = true
	}
	for _, known := range slices.Clone(st.Posts) {
		if in[known.ID] || known.Skipped {
			continue
		}
		post, err := p.client.Post(ctx, p.peerOwn, known.ID)
		switch {
		case errors.Is(err, motacilla.ErrNotFound):
			err = p.hide(ctx, st, known.ID, max(known.Revision, u.Revision))
		case err == nil && !post.Show:
			err = p.hide(ctx, st, known.ID, post.Revision)
		case err == nil:
			err = p.take(ctx, st, post)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// render takes the newest state of a post that an update names.
func (p *peer) render(ctx context.Context, st *peerState, r motacilla.Render) error {
	known := st.find(r.ID)
	switch {
	case known != nil && (known.Skipped || r.Revision <= known.Revision):
		return nil
	case !r.Show:
		return p.hide(ctx, st, r.ID, r.Revision)
	case known == nil && madeAt(r.ID).Before(st.Begun.Truncate(time.Millisecond)):
		return nil // it was there before the channel was followed
	}
	post, err := p.client.Post(ctx, p.peerOwn, r.ID)
	if errors.Is(err, motacilla.ErrNotFound) {
		return nil // it was hidden or removed meanwhile, which a later update says
	}
	if err != nil {
		return err
	}
	return p.take(ctx, st, post)
}

// madeAt returns when a post was made: its ID is a UUIDv7, which begins with the time.
func madeAt(id motacilla.PostID) time.Time {
	if len(id) < 13 {
		return time.Time{}
	}
	ms, err := strconv.ParseInt(string(id[:8]+id[9:13]), 16, 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

func (st *peerState) find(id motacilla.PostID) *followed {
	for i := range st.Posts {
		if st.Posts[i].ID == id {
			return &st.Posts[i]
		}
	}
	return nil
}

// note remembers a post and its revision.
func (st *peerState) note(f followed, most int) {
	if known := st.find(f.ID); known != nil {
		*known = f
		return
	}
	st.Posts = append(st.Posts, f)
	st.Posts = slices.Delete(st.Posts, 0, max(len(st.Posts)-most, 0))
}

func (p *peer) name(st *peerState) string { return cmp.Or(p.o.Credit, st.Title, p.link.Host) }
