package grip

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/page"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage/memory"
)

// TestLinksOfHolders: a link says whose permission it has, if that can be revoked, and is refused when it was. If that can't be told, it
// counts until its time is over.
func TestLinksOfHolders(t *testing.T) {
	const ch motacilla.ChannelID = "match"
	holder, revoke := route.NewHolder("session/person/anna.x/1", "person/anna.x", "Anna")
	var away error
	store := memory.New(nil)
	defer store.Close()
	feed := publisher.NewFeed(store, page.NewRenderer(), &publisher.FeedOptions{
		Holder: func(_ context.Context, id string, of motacilla.ChannelID) (*route.Holder, error) {
			if id != holder.ID || of != ch || holder.Revoked() || away != nil {
				return nil, away
			}
			return holder, nil
		},
	})
	defer feed.Close()
	o := &origin{feed: feed, links: newLinks(&Options{Key: "key"})}
	now := time.Now()
	token := o.links.token(ch, route.Grant{Holder: holder}, now)
	got, ok := o.links.grant(ch, token, now)
	if !ok || got.WhilePublic || got.Holder == nil || got.Holder.ID != holder.ID {
		t.Fatalf("the link has %+v (%v)", got, ok)
	}
	if again := o.links.token(ch, route.Grant{Holder: holder}, now); again != token {
		t.Errorf("the next link is %q, want %q", again, token)
	}
	if o.revoked(t.Context(), got.Holder, ch) {
		t.Error("the link of a reader that may read is refused")
	}
	if !o.revoked(t.Context(), got.Holder, "other") {
		t.Error("the link counts for a channel that the holder may not read")
	}
	revoke()
	if !o.revoked(t.Context(), got.Holder, ch) {
		t.Error("the link of a permission that was revoked counts")
	}
	if away = motacilla.ErrUnavailable; o.revoked(t.Context(), got.Holder, ch) {
		t.Error("the link is refused although it can't be told")
	}
	for name, g := range map[string]route.Grant{"of nobody": {}, "while it is public": {WhilePublic: true, Holder: holder}} {
		token := o.links.token(ch, g, now)
		got, ok := o.links.grant(ch, token, now)
		if !ok || got.WhilePublic != g.WhilePublic || got.Holder != nil || strings.Count(token, ".") != 2 {
			t.Errorf("%s: %q has %+v (%v)", name, token, got, ok)
		}
		if o.revoked(t.Context(), got.Holder, ch) {
			t.Errorf("%s: the link is refused", name)
		}
	}
	cut := strings.Split(token, ".")
	if _, ok := o.links.grant(ch, strings.Join([]string{cut[0], cut[1], cut[3]}, "."), now); ok {
		t.Error("a link counts without its holder")
	}
}
