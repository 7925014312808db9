package history_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/history"
	"github.com/motacilla-live/motacilla/receiver"
)

func testVersions(t *testing.T) {
	s := open(t, nil, nil)
	p := s.post("anna", `{"text":"19 min: Goal","author":"Anna"}`)
	edited := s.edit("bob", p.ID, `{"text":"19 min: No goal"}`)
	s.edit("bob", p.ID, `{"text":"19 min: No goal"}`) // changes nothing
	pinned := s.edit("anna", p.ID, `{"pinned":true,"author":"A."}`)
	want := []string{
		`person/anna true false [author pinned] "19 min: No goal"`,
		`person/bob false false [content] "19 min: <del>Goal</del><ins>No goal</ins>"`,
		`person/anna false false [] "19 min: Goal"`,
	}
	if got := s.versions(p.ID, ""); fmt.Sprint(got.Versions) != fmt.Sprint(want) || got.Next != nil {
		t.Fatalf("versions %v", got)
	}
	first := s.versions(p.ID, "?limit=2")
	second := s.versions(p.ID, "?before="+*first.Next)
	if all := append(first.Versions, second.Versions...); fmt.Sprint(all) != fmt.Sprint(want) || second.Next != nil {
		t.Errorf("two pages %v", all)
	}
	var one struct {
		Who, Name string
		Post      posted
	}
	at := "/posts/" + string(p.ID) + "/versions/"
	s.do(http.StatusOK, "anna", http.MethodGet, at+p.Revision.String(), "", &one)
	if one.Name != "Anna" || one.Post.text() != p.text() || one.Post.Revision != p.Revision {
		t.Errorf("the first version %+v", one)
	}
	s.do(http.StatusNotFound, "anna", http.MethodGet, at+"1", "", nil)
	s.do(http.StatusBadRequest, "anna", http.MethodGet, at+"x", "", nil)
	s.do(http.StatusUnauthorized, "", http.MethodGet, at+p.Revision.String(), "", nil)

	restore := at + p.Revision.String() + "/restore"
	s.do(http.StatusPreconditionFailed, "bob", http.MethodPost, restore, "", nil, "If-Match", `"`+edited.Revision.String()+`"`)
	var now posted
	h := s.do(http.StatusOK, "bob", http.MethodPost, restore, "", &now, "If-Match", `"`+pinned.Revision.String()+`"`)
	if now.text() != p.text() || now.Author != "Anna" || !now.Pinned || now.Revision <= pinned.Revision || h.Get("ETag") != `"`+now.Revision.String()+`"` {
		t.Errorf("restored %+v", now)
	}
	s.do(http.StatusOK, "bob", http.MethodPost, restore, "", nil, "If-Match", `"`+pinned.Revision.String()+`"`) // it is so already
	s.do(http.StatusUnauthorized, "", http.MethodPost, restore, "", nil)
	if got := s.versions(p.ID, ""); got.Versions[0].Who != "person/bob" || len(got.Versions) != 4 {
		t.Errorf("after restoring %v", got)
	}
}

// A version of a removed post is made a new post, once.
func testRemovedPostIsRestored(t *testing.T) {
	s := open(t, nil, nil)
	p := s.post("anna", `{"text":"Goal","pinned":true}`)
	s.do(http.StatusNoContent, "bob", http.MethodDelete, "/posts/"+string(p.ID), "", nil)
	list := s.versions(p.ID, "").Versions
	if len(list) != 2 || !list[0].Removed || list[0].Who != "person/bob" || list[1].Revision != p.Revision || list[1].Who != "person/anna" {
		t.Fatalf("versions %v", list)
	}
	at := "/posts/" + string(p.ID) + "/versions/"
	s.do(http.StatusNotFound, "anna", http.MethodPost, at+list[0].Revision.String()+"/restore", "", nil)
	restore := at + p.Revision.String() + "/restore"
	var first, second, third posted
	h := s.do(http.StatusCreated, "anna", http.MethodPost, restore, "", &first)
	s.do(http.StatusCreated, "anna", http.MethodPost, restore, "", &second)
	if first.ID == p.ID || first.text() != p.text() || !first.Pinned || second.ID != first.ID || !strings.HasSuffix(h.Get("Location"), string(first.ID)) {
		t.Errorf("restored %+v and %+v, at %s", first, second, h)
	}
	s.do(http.StatusNoContent, "bob", http.MethodDelete, "/posts/"+string(first.ID), "", nil)
	s.do(http.StatusCreated, "anna", http.MethodPost, restore, "", &third)
	if third.ID == first.ID || third.text() != p.text() {
		t.Errorf("restored once more: %+v", third)
	}
}

// What sources make costs nothing until it is changed. Then it is kept.
func TestSources(t *testing.T) {
	s := open(t, nil, nil)
	in := receiver.NewIngest(s.Sink(), "feed", nil)
	p, _, err := in.Post(t.Context(), "c", receiver.Message{ID: "1", Text: "one"})
	if err != nil || len(s.left("history")) != 0 {
		t.Fatalf("%v, and %v is kept", err, s.left("history"))
	}
	if got := s.versions(p.ID, "").Versions; fmt.Sprint(got) != `[ true false [] "one"]` {
		t.Errorf("versions %v", got)
	}
	if _, err := in.Edit(t.Context(), "c", "1", 0, func(p *motacilla.Post) error {
		p.Content = []motacilla.Block{motacilla.PlainText("two")}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if got := s.versions(p.ID, "").Versions; fmt.Sprint(got) != `[ true false [content] "<del>one</del><ins>two</ins>"  false false [] "one"]` {
		t.Errorf("versions %v", got)
	}
	if err := in.Remove(t.Context(), "c", "1"); err != nil {
		t.Fatal(err)
	}
	if got := s.versions(p.ID, "").Versions; len(got) != 3 || !got[0].Removed {
		t.Errorf("versions of a removed post %v", got)
	}
}

// A draft is of whoever wrote it, and says who approved it: also one that changes a post.
func testDrafts(t *testing.T) {
	s := open(t, nil, nil)
	draft := func(who, body string) (post motacilla.PostID) {
		t.Helper()
		var d struct {
			ID   string
			Post motacilla.PostID
		}
		s.do(http.StatusCreated, who, http.MethodPost, "/drafts", body, &d)
		s.do(http.StatusOK, "bob", http.MethodPost, "/drafts/"+d.ID+"/publish", "{}", &d)
		return d.Post
	}
	post := draft("anna", `{"text":"one"}`)
	draft("admin", `{"edits":"`+string(post)+`","text":"two"}`)
	s.edit("anna", post, `{"text":"three"}`)
	var got []string
	for _, v := range s.versions(post, "").Versions {
		got = append(got, v.Who+"<"+v.Approved.Who)
		var one entry
		s.do(http.StatusOK, "anna", http.MethodGet, "/posts/"+string(post)+"/versions/"+v.Revision.String(), "", &one)
		if one.Approved != v.Approved {
			t.Errorf("a version %+v, in the list %+v", one, v)
		}
	}
	if fmt.Sprint(got) != "[person/anna< person/admin<person/bob person/anna<person/bob]" {
		t.Errorf("versions %v", got)
	}
}

// What the server fills in makes no version, and does not hide who wrote.
func TestFilledIn(t *testing.T) {
	s := open(t, nil, nil)
	block := motacilla.Block{Type: motacilla.ImageBlock, Media: "goal", Pending: true, Alt: "x"}
	p, err := s.Sink().PutPost(as(t.Context(), "anna"), "c", motacilla.Post{Content: []motacilla.Block{block}}, 0)
	if err != nil {
		t.Fatal(err)
	}
	s.picture("goal")
	in := receiver.NewIngest(s.Sink(), "files", nil)
	fill := func(p *motacilla.Post) error { p.Content[0].Pending = false; return nil }
	filled, err := in.Change(t.Context(), "c", p.ID, fill)
	if err != nil || filled.Revision == p.Revision || filled.Content[0].URL == "" {
		t.Fatalf("filled in %+v, %v", filled, err)
	}
	got := s.versions(p.ID, "").Versions
	if len(got) != 1 || got[0].Who != "person/anna" || !got[0].Current {
		t.Errorf("versions %v", got)
	}
	s.edit("bob", p.ID, `{"text":"no image"}`)
	if got = s.versions(p.ID, "").Versions; len(got) != 2 || got[1].Who != "person/anna" {
		t.Errorf("versions %v", got)
	}
}

// A version that does not fit into one record is kept too.
func TestLongVersions(t *testing.T) {
	s := open(t, nil, nil)
	var content []motacilla.Block
	for n := range motacilla.MaxBlocks / 3 {
		content = append(content, motacilla.Block{Type: motacilla.ImageBlock, URL: fmt.Sprintf("https://example.org/%d.jpg", n),
			Alt: strings.Repeat(string(rune('a'+n%26)), motacilla.MaxAlt)})
	}
	p, err := s.Sink().PutPost(t.Context(), "c", motacilla.Post{Content: content, Show: true}, 0)
	if err != nil {
		t.Fatal(err)
	}
	s.handler = s.Live // to check such a post against the description takes long
	s.edit("bob", p.ID, `{"text":"short"}`)
	if n := len(s.left("history")); n < 3 {
		t.Errorf("the long version has %d records", n)
	}
	restore := "/posts/" + string(p.ID) + "/versions/" + p.Revision.String() + "/restore"
	s.do(http.StatusOK, "anna", http.MethodPost, restore, "", nil)
	now, err := s.store.Post(t.Context(), "c", p.ID)
	if err != nil || !slices.Equal(now.Content, content) {
		t.Errorf("%d blocks are restored, %v", len(now.Content), err)
	}
	s.do(http.StatusOK, "admin", http.MethodDelete, "/posts/"+string(p.ID)+"?for_good", "", nil)
	if left := s.left("history"); len(left) != 0 {
		t.Errorf("%v is left", left)
	}
}

func TestRetention(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, nil, &history.Options{Keep: time.Hour, Versions: 5})
		p := s.post("anna", `{"text":"0"}`)
		time.Sleep(2 * time.Hour)
		if got := s.versions(p.ID, "").Versions; len(got) != 1 || got[0].Who != "person/anna" {
			t.Errorf("the current version: %v", got)
		}
		s.edit("bob", p.ID, `{"text":"1"}`)
		if got := s.versions(p.ID, "").Versions; len(got) != 2 || got[1].Who != "person/anna" {
			t.Errorf("versions %v", got)
		}
		time.Sleep(time.Hour - time.Second)
		if got := s.versions(p.ID, "").Versions; len(got) != 2 {
			t.Errorf("before its time has come: %v", got)
		}
		time.Sleep(2 * time.Second)
		if got := s.versions(p.ID, "").Versions; len(got) != 1 || got[0].Who != "person/bob" {
			t.Errorf("after its time: %v", got)
		}
		in := receiver.NewIngest(s.Sink(), "feed", nil)
		for n := range 30 {
			time.Sleep(time.Second) // so that each revision is one of those after which is looked
			if _, err := in.Change(as(t.Context(), "bob"), "c", p.ID, func(p *motacilla.Post) error {
				p.Author = fmt.Sprint(n)
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
		if got := s.left("history"); len(got) > 7 {
			t.Errorf("%d versions are kept", len(got))
		}
	})
}

func TestOff(t *testing.T) {
	s := open(t, nil, &history.Options{Keep: -1, Versions: -1})
	p := s.post("anna", `{"text":"one"}`)
	s.edit("bob", p.ID, `{"text":"two"}`)
	if got := s.versions(p.ID, "").Versions; len(got) != 1 || len(s.left("history")) != 0 {
		t.Errorf("versions %v", got)
	}
	s.do(http.StatusOK, "admin", http.MethodDelete, "/posts/"+string(p.ID)+"?for_good=true", "", nil)
	s.do(http.StatusNotFound, "anna", http.MethodGet, "/posts/"+string(p.ID), "", nil)
}

// Whoever edits and removes at the same time, each version that was stored is kept, and edits of one post still share a put.
func TestConcurrentEdits(t *testing.T) {
	s := open(t, nil, &history.Options{Versions: 10000})
	p := s.post("anna", `{"text":"begin"}`)
	var mu sync.Mutex
	stored := map[motacilla.Revision]bool{p.Revision: true}
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			in := receiver.NewIngest(s.Sink(), "feed", nil)
			for m := range 20 {
				now, err := in.Change(t.Context(), "c", p.ID, func(p *motacilla.Post) error {
					p.Content = []motacilla.Block{motacilla.PlainText(fmt.Sprint(n, m, rand.Int()))}
					return nil
				})
				if errors.Is(err, motacilla.ErrNotFound) {
					return
				}
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				stored[now.Revision] = true
				enough := len(stored) == 40
				mu.Unlock()
				if enough {
					if _, err := s.Sink().DeletePost(t.Context(), "c", p.ID, 0); err != nil && !errors.Is(err, motacilla.ErrNotFound) {
						t.Error(err)
					}
				}
			}
		})
	}
	all.Wait()
	kept := map[motacilla.Revision]bool{}
	for next := ""; ; {
		page := s.versions(p.ID, "?limit=100"+next)
		for _, v := range page.Versions {
			kept[v.Revision] = true
		}
		if page.Next == nil {
			break
		}
		next = "&before=" + *page.Next
	}
	for r := range stored {
		if !kept[r] {
			t.Errorf("revision %d is lost", r)
		}
	}
}
