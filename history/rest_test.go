package history_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/memory"
)

// TestREST covers every operation, status, header, parameter and property that the description has. [open] checks that what is done is as
// described.
func TestREST(t *testing.T) {
	tests := map[string]func(*testing.T){
		"versions": testVersions, "removed post": testRemovedPostIsRestored, "restored too often": testRestoredTooOften,
		"parameters": testParameters, "refusals": testRefusals, "faults": testFaults, "all fields": testAllFields, "drafts": testDrafts,
	}
	ran := 0
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { ran++; test(t) })
	}
	if ran < len(tests) || t.Failed() {
		return // -run names some of them
	}
	for _, unseen := range contract.Unseen("/api/channels/{channel_id}/posts/{post_id}/versions") {
		if !strings.Contains(unseen, " 429") { // the server's own limit on requests
			t.Errorf("described, and by no test seen: %s", unseen)
		}
	}
}

// somePost is the ID of no post.
const somePost = "019ab000-0000-7000-8000-000000000009"

// operations are the routes, for a post and a revision.
func operations(id motacilla.PostID, revision string) [][2]string {
	at := "/posts/" + string(id) + "/versions"
	return [][2]string{{http.MethodGet, at}, {http.MethodGet, at + "/" + revision}, {http.MethodPost, at + "/" + revision + "/restore"}}
}

func testRefusals(t *testing.T) {
	s := open(t, nil, nil)
	p := s.post("anna", `{"text":"one"}`)
	for _, o := range operations(p.ID, p.Revision.String()) {
		s.do(http.StatusUnauthorized, "", o[0], o[1], "", nil)
		s.do(http.StatusForbidden, "reader", o[0], o[1], "", nil)
		s.do(http.StatusMethodNotAllowed, "anna", http.MethodPut, o[1], "", nil)
	}
	for _, o := range operations(somePost, "7") {
		s.do(http.StatusNotFound, "anna", o[0], o[1], "", nil)
	}
	for _, o := range operations("x", "7") {
		s.do(http.StatusBadRequest, "anna", o[0], o[1], "", nil)
	}
	for _, o := range operations(p.ID, "0")[1:] {
		s.do(http.StatusBadRequest, "anna", o[0], o[1], "", nil)
	}
	restore := operations(p.ID, p.Revision.String())[2][1]
	s.do(http.StatusBadRequest, "anna", http.MethodPost, restore, "", nil, "If-Match", "x")
	if got := s.versions(p.ID, "").Versions; len(got) != 1 {
		t.Errorf("versions %v", got)
	}
}

func testParameters(t *testing.T) {
	s := open(t, nil, nil)
	p := s.post("anna", `{"text":"one"}`)
	s.edit("bob", p.ID, `{"text":"two"}`)
	at := "/posts/" + string(p.ID) + "/versions"
	for _, query := range []string{"limit=0", "limit=101", "limit=x", "limit=1&limit=1", "before=0", "before=x", "before=1&before=1", "%zz"} {
		s.do(http.StatusBadRequest, "anna", http.MethodGet, at+"?"+query, "", nil)
	}
	if got := s.versions(p.ID, "?limit=100&before="+p.Revision.String()); len(got.Versions) != 0 || got.Next != nil {
		t.Errorf("before the first version: %v", got)
	}
	if got := s.versions(p.ID, "?before=9223372036854775807"); len(got.Versions) != 2 {
		t.Errorf("before the end of time: %v", got)
	}
}

// testAllFields changes every field of a post, and each kind of block.
func testAllFields(t *testing.T) {
	s := open(t, nil, nil)
	p := s.post("anna", `{"text":"one"}`)
	picture := s.picture("goal")
	last := s.edit("bob", p.ID, `{"author":"B","created":"2025-01-01T00:00:00Z","show":false,"pinned":true,"key_event":true,"content":[
		{"type":"text","value":{"text":"two"}},`+picture+`,{"type":"image","value":{"url":"https://example.org/a.jpg","alt":"A"}},
		{"type":"score","value":{"home":"A","away":"B","home_score":"2","away_score":"1","note":"67'"}},
		{"type":"embed","value":{"url":"https://example.org/","card":{"provider":"P","title":"T","summary":"S",
			"picture":"https://example.org/p.jpg","frame":"https://example.org/f","width":4,"height":3}}}]}`)
	got := s.versions(p.ID, "").Versions
	if fmt.Sprint(got[0].Changes) != "[author created show pinned key_event content]" || !strings.Contains(got[0].Diff, "[image] A") {
		t.Errorf("changes %v", got)
	}
	for _, o := range operations(p.ID, last.Revision.String())[1:] {
		s.do(http.StatusOK, "anna", o[0], o[1], "", nil)
	}
	s.do(http.StatusNoContent, "anna", http.MethodDelete, "/posts/"+string(p.ID), "", nil)
	var removal struct {
		Removed bool
		Post    *posted
	}
	newest := s.versions(p.ID, "").Versions[0]
	s.do(http.StatusOK, "anna", http.MethodGet, "/posts/"+string(p.ID)+"/versions/"+newest.Revision.String(), "", &removal)
	if !removal.Removed || removal.Post != nil {
		t.Errorf("the removal is %+v", removal)
	}
	s.do(http.StatusCreated, "anna", http.MethodPost, "/posts/"+string(p.ID)+"/versions/"+last.Revision.String()+"/restore", "", nil)

	waits := motacilla.Post{Content: []motacilla.Block{{Type: motacilla.ImageBlock, Media: "later", Pending: true, Alt: "B"}}}
	waits, err := s.Sink().PutPost(t.Context(), "c", waits, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range operations(waits.ID, waits.Revision.String()) {
		s.do(http.StatusOK, "anna", o[0], o[1], "", nil)
	}
}

// failing is a store that fails with err, if that is not nil. Writes fail with onPut then.
type failing struct {
	storage.Store
	err, onPut error
}

func (f *failing) Post(ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID) (motacilla.Post, error) {
	if f.err != nil {
		return motacilla.Post{}, f.err
	}
	return f.Store.Post(ctx, ch, id)
}

func (f *failing) PutPost(
	ctx context.Context, ch motacilla.ChannelID, p motacilla.Post, replaces motacilla.Revision,
) (motacilla.Post, error) {
	if f.onPut != nil {
		return motacilla.Post{}, f.onPut
	}
	return f.Store.PutPost(ctx, ch, p, replaces)
}

func testFaults(t *testing.T) {
	held := memory.New(nil)
	t.Cleanup(func() { _ = held.Close() })
	store := &failing{Store: held}
	s := open(t, store, nil)
	p := s.post("anna", `{"text":"one"}`)
	s.edit("bob", p.ID, `{"text":"two"}`)
	list := operations(p.ID, "7")
	for status, fault := range map[int]error{503: motacilla.ErrUnavailable, 500: errors.New("disk s3cret is full")} {
		store.err = fault
		for _, o := range list {
			s.do(status, "anna", o[0], o[1], "", nil)
		}
	}
	store.err = nil
	s.do(http.StatusNoContent, "anna", http.MethodDelete, "/posts/"+string(p.ID), "", nil)
	store.onPut = motacilla.ErrConflict
	s.do(http.StatusConflict, "anna", http.MethodPost, operations(p.ID, p.Revision.String())[2][1], "", nil)
}

// testRestoredTooOften: there is an end to posts that are made of one version, each of which is removed.
func testRestoredTooOften(t *testing.T) {
	held := memory.New(nil)
	t.Cleanup(func() { _ = held.Close() })
	store := &failing{Store: held}
	s := open(t, store, nil)
	p := s.post("anna", `{"text":"one"}`)
	s.do(http.StatusNoContent, "anna", http.MethodDelete, "/posts/"+string(p.ID), "", nil)
	store.onPut = motacilla.ErrDeleted
	s.do(http.StatusGone, "anna", http.MethodPost, operations(p.ID, p.Revision.String())[2][1], "", nil)
}
