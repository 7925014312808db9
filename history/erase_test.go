package history_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/history"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/memory"
)

// erased is the answer of a removal for good.
type erased struct {
	Post     motacilla.PostID
	Versions int
	Drafts   int
	Images   []string
}

func TestErase(t *testing.T) {
	s := open(t, nil, nil)
	own, shared, old := s.picture("own"), s.picture("shared"), s.picture("old")
	s.post("anna", `{"content":[`+shared+`]}`)
	p := s.post("anna", `{"content":[`+own+`,`+shared+`,`+old+`]}`)
	s.edit("bob", p.ID, `{"content":[`+own+`,{"type":"text","value":{"text":"a name that must go"}}]}`)
	now := s.edit("bob", p.ID, `{"text":"nothing of it"}`)
	at := "/posts/" + string(p.ID)
	s.do(http.StatusForbidden, "anna", http.MethodDelete, at+"?for_good", "", nil)
	s.do(http.StatusUnauthorized, "", http.MethodDelete, at+"?for_good", "", nil)
	s.do(http.StatusBadRequest, "admin", http.MethodDelete, at+"?for_good=yes", "", nil)
	s.do(http.StatusPreconditionFailed, "admin", http.MethodDelete, at+"?for_good", "", nil, "If-Match", `"1"`)

	var got erased
	s.do(http.StatusOK, "admin", http.MethodDelete, at+"?for_good", "", &got, "If-Match", `"`+now.Revision.String()+`"`)
	if got.Post != p.ID || got.Versions != 3 || fmt.Sprint(got.Images) != "[own old]" {
		t.Errorf("removed %+v", got)
	}
	if left := s.left("history"); len(left) != 1 || strings.Contains(left[0], string(p.ID)) {
		t.Errorf("%v is left", left)
	}
	for id, want := range map[string]error{"own": motacilla.ErrNotFound, "old": motacilla.ErrNotFound, "shared": nil} {
		if _, err := s.library.Image(t.Context(), id); !errors.Is(err, want) {
			t.Errorf("image %q: %v", id, err)
		}
	}
	s.do(http.StatusNotFound, "anna", http.MethodGet, at+"/versions", "", nil)
	changes, err := s.store.Changes(t.Context(), "c", now.Revision, 0)
	if err != nil || len(changes.Removed) != 1 || changes.Removed[0].ID != p.ID {
		t.Errorf("readers are told %+v, %v", changes, err)
	}
	s.do(http.StatusOK, "admin", http.MethodDelete, at+"?for_good", "", &got, "If-Match", `"`+now.Revision.String()+`"`) // again
	if got.Versions != 0 {
		t.Errorf("removed again: %+v", got)
	}
	s.do(http.StatusNotFound, "admin", http.MethodDelete, "/posts/"+string(motacilla.NewPostID(now.Revision.Time()))+"?for_good", "", nil)
}

// A post that was removed before has versions, which go.
func TestEraseRemovedPost(t *testing.T) {
	s := open(t, nil, nil)
	p := s.post("anna", `{"text":"one"}`)
	at := "/posts/" + string(p.ID)
	s.do(http.StatusNoContent, "bob", http.MethodDelete, at, "", nil)
	var got erased
	s.do(http.StatusOK, "admin", http.MethodDelete, at+"?for_good", "", &got)
	if left := s.left("history"); got.Versions != 2 || len(left) != 0 {
		t.Errorf("removed %+v, and %v is left", got, left)
	}
}

// What is left of a post in drafts goes too: what it was made from, what edits it, with their images.
func TestEraseDrafts(t *testing.T) {
	s := open(t, nil, nil)
	draft := func(body string) (id string) {
		t.Helper()
		var made struct{ ID string }
		s.do(http.StatusCreated, "anna", http.MethodPost, "/drafts", body, &made)
		return made.ID
	}
	own := s.picture("own")
	s.picture("linked")
	origin := draft(`{"content":[` + own + `]}`)
	var out struct{ Post motacilla.PostID }
	s.do(http.StatusOK, "anna", http.MethodPost, "/drafts/"+origin+"/publish", "{}", &out)
	s.edit("bob", out.Post, `{"text":"no image"}`)
	edits := draft(`{"edits":"` + string(out.Post) + `","text":"see <a href=\"https://example.org/media/linked/4.jpg\">it</a>"}`)
	other := draft(`{"text":"of nothing"}`)

	var got erased
	s.do(http.StatusOK, "admin", http.MethodDelete, "/posts/"+string(out.Post)+"?for_good", "", &got)
	if got.Drafts != 2 || fmt.Sprint(got.Images) != "[own linked]" {
		t.Errorf("removed %+v", got)
	}
	if left := s.left("drafts"); len(left) != 1 || left[0] != "c/"+other {
		t.Errorf("drafts %v are left, not only %s: they were %s and %s", left, other, origin, edits)
	}
}

// A draft does not say which post it became, if its node died before it wrote that. A post that is gone may still have drafts.
func TestEraseDraftOfDeadNode(t *testing.T) {
	s := open(t, nil, nil)
	records := s.store.Records()
	keep := func(draft string) (key string) {
		t.Helper()
		key = "c/" + string(motacilla.NewPostID(time.Now()))
		value := fmt.Sprintf(`{"state":"published","by":{"who":"person/anna"},%s"content":[]}`, draft)
		if _, err := records.Put(t.Context(), motacilla.Record{Namespace: "drafts", Key: key, Value: []byte(value)}); err != nil {
			t.Fatal(err)
		}
		return key
	}
	origin := keep("")
	p, err := s.Sink().PutPost(t.Context(), "c", motacilla.Post{
		Source: "drafts", MessageID: "draft/" + strings.TrimPrefix(origin, "c/"), Content: []motacilla.Block{motacilla.PlainText("a name")},
	}, 0)
	if err != nil {
		t.Fatal(err)
	}
	gone := motacilla.NewPostID(time.Now())
	keep(`"post":"` + string(gone) + `",`)
	for _, id := range []motacilla.PostID{p.ID, gone} {
		var got erased
		s.do(http.StatusOK, "admin", http.MethodDelete, "/posts/"+string(id)+"?for_good", "", &got)
		if got.Drafts != 1 {
			t.Errorf("removed %+v", got)
		}
	}
	if left := s.left("drafts"); len(left) != 0 {
		t.Errorf("%v is left", left)
	}
}

// A draft that was written while the post was removed goes later.
func TestEraseLateDraft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, nil, nil)
		p := s.post("anna", `{"text":"a name"}`)
		s.do(http.StatusOK, "admin", http.MethodDelete, "/posts/"+string(p.ID)+"?for_good", "", nil)
		late := motacilla.Record{Namespace: "drafts", Key: "c/" + somePost, Value: []byte(`{"edits":"` + string(p.ID) + `","content":[]}`)}
		if _, err := s.store.Records().Put(t.Context(), late); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		if err := s.history.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if left := s.left("drafts"); len(left) != 0 {
			t.Errorf("%v is left", left)
		}
	})
}

// A post that was restored has the text of the removed one that it was made of. So that one's versions go too.
func TestEraseRestoredPost(t *testing.T) {
	s := open(t, nil, nil)
	first := s.post("anna", `{"content":[`+s.picture("own")+`]}`)
	again := first
	for range 2 {
		s.do(http.StatusNoContent, "bob", http.MethodDelete, "/posts/"+string(again.ID), "", nil)
		restore := "/posts/" + string(again.ID) + "/versions/" + again.Revision.String() + "/restore"
		s.do(http.StatusCreated, "anna", http.MethodPost, restore, "", &again)
	}
	if again.ID == first.ID {
		t.Fatal("no post was made")
	}
	var got erased
	s.do(http.StatusOK, "admin", http.MethodDelete, "/posts/"+string(again.ID)+"?for_good", "", &got)
	if left := s.left("history"); len(left) != 0 || got.Versions != 5 || fmt.Sprint(got.Images) != "[own]" {
		t.Errorf("removed %+v, and %v is left", got, left)
	}
}

func TestDeletedChannelsHaveNoVersions(t *testing.T) {
	s := open(t, nil, nil)
	if _, err := s.store.PutChannel(t.Context(), motacilla.Channel{ID: "c2"}, 0); err != nil {
		t.Fatal(err)
	}
	p := s.post("anna", `{"text":"one"}`)
	other, err := s.Sink().PutPost(as(t.Context(), "anna"), "c2", motacilla.Post{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Sink().DeleteChannel(t.Context(), "c"); err != nil {
		t.Fatal(err)
	}
	if left := s.left("history"); len(left) != 1 || !strings.Contains(left[0], string(other.ID)) {
		t.Errorf("%v is left", left)
	}
	if _, err := s.store.PutChannel(t.Context(), motacilla.Channel{ID: "c"}, 0); err != nil {
		t.Fatal(err)
	}
	// A post of the same ID in the next life has a history of its own, which stays.
	if _, err := s.Sink().PutPost(as(t.Context(), "anna"), "c", motacilla.Post{ID: p.ID}, 0); err != nil {
		t.Fatal(err)
	}
	if err := s.history.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left := s.left("history"); len(left) != 2 {
		t.Errorf("%v is left", left)
	}
}

// late is a history's records, where a version of a post arrives after the post was removed for good.
type late struct {
	motacilla.Records
	before func() // each Put in the namespace history
}

func (l *late) Put(ctx context.Context, r motacilla.Record) (motacilla.Record, error) {
	if do := l.before; r.Namespace == "history" && do != nil {
		l.before = nil
		do()
	}
	return l.Records.Put(ctx, r)
}

// A node that is about to keep a version while another removes the post for good leaves nothing.
func TestEraseMeanwhile(t *testing.T) {
	s := open(t, nil, nil)
	p := s.post("anna", `{"text":"a name that must go"}`)
	records := &late{Records: s.store.Records()}
	slow := history.New(records, nil)
	records.before = func() {
		s.do(http.StatusOK, "admin", http.MethodDelete, "/posts/"+string(p.ID)+"?for_good", "", nil)
	}
	stored, err := s.store.Post(t.Context(), "c", p.ID)
	if err != nil {
		t.Fatal(err)
	}
	stored.Content = nil
	_, err = slow.PutPost(as(t.Context(), "bob"), s.store, "c", stored, stored.Revision)
	if left := s.left("history"); !errors.Is(err, motacilla.ErrNotFound) && !errors.Is(err, motacilla.ErrConflict) || len(left) != 0 {
		t.Errorf("%v, and %v is left", err, left)
	}
}

// early is a store that does something before the next read of a post.
type early struct {
	storage.Store
	before func()
}

func (e *early) Post(ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID) (motacilla.Post, error) {
	if do := e.before; do != nil {
		e.before = nil
		do()
	}
	return e.Store.Post(ctx, ch, id)
}

// A version that is being restored while its post is removed for good does not come back as another post.
func TestEraseWhileRestored(t *testing.T) {
	held := memory.New(nil)
	t.Cleanup(func() { _ = held.Close() })
	store := &early{Store: held}
	s := open(t, store, nil)
	p := s.post("anna", `{"text":"a name that must go"}`)
	s.edit("anna", p.ID, `{"text":"nothing of it"}`)
	at := "/posts/" + string(p.ID)
	store.before = func() { s.do(http.StatusOK, "admin", http.MethodDelete, at+"?for_good", "", nil) }
	s.do(http.StatusNotFound, "bob", http.MethodPost, at+"/versions/"+p.Revision.String()+"/restore", "", nil)
	page, err := held.Posts(t.Context(), "c", motacilla.Query{Limit: 10})
	if err != nil || len(page.Posts) != 0 {
		t.Errorf("%+v, %v", page.Posts, err)
	}
	if left := s.left("history"); len(left) != 0 {
		t.Errorf("%v is left", left)
	}
}

// between is a store to which something is written after each read of a post, as long as there is something.
type between struct {
	storage.Store
	write func(p motacilla.Post)
}

func (b *between) Post(ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID) (motacilla.Post, error) {
	p, err := b.Store.Post(ctx, ch, id)
	if write := b.write; err == nil && write != nil {
		b.write = nil
		write(p)
	}
	return p, err
}

// A version that is stored while the post is removed is kept too.
func TestRemovedMeanwhile(t *testing.T) {
	s := open(t, nil, nil)
	p := s.post("anna", `{"text":"one"}`)
	var written motacilla.Post
	store := &between{Store: s.store}
	store.write = func(p motacilla.Post) {
		p.Author = "somebody who is quick"
		var err error
		if written, err = s.store.PutPost(t.Context(), "c", p, p.Revision); err != nil {
			t.Error(err)
		}
	}
	if _, err := s.history.DeletePost(t.Context(), store, "c", p.ID, 0); err != nil {
		t.Fatal(err)
	}
	if got, err := s.history.PostAt(t.Context(), "c", p.ID, written.Revision); err != nil || got.Author != written.Author {
		t.Errorf("the version that came between: %+v, %v", got, err)
	}
}
