package drafts

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/byline"
)

const (
	anna = "contributor-anna"
	ben  = "contributor-ben"
	eve  = "editor-eve"
)

// A contributor's draft goes to an editor, back, and out.
func testApproval(t *testing.T) {
	s := open(t, nil)
	made := s.as(anna).want(201, "POST", "",
		`{"text":"<b>Goal</b><script>x</script>","author":"Anna","pinned":true,"created":"2025-01-01T00:00:00Z"}`)
	one := "/" + made.ID
	if made.State != "draft" || made.By != (byline.Person{Who: "person/anna", Name: "ANNA"}) || made.text() != "<b>Goal</b>" ||
		made.location != "drafts/"+made.ID ||
		!made.Pinned || made.Created != "2025-01-01T00:00:00.000000Z" {
		t.Errorf("made: %+v", made)
	}
	s.as(ben).want(404, "GET", one, "")
	s.as(ben).want(404, "PATCH", one, `{"text":"mine"}`)
	s.as(ben).want(404, "DELETE", one, "")
	s.as(ben).want(404, "POST", one+"/submit", `{}`)
	for _, what := range []string{"return", "publish", "schedule", "unschedule"} {
		s.as(anna).want(403, "POST", one+"/"+what, `{}`)
		s.as("").want(401, "POST", one+"/"+what, `{}`)
	}
	s.as(anna).want(200, "PATCH", one, `{"text":"Goal!","created":null,"key_event":true}`)
	if got := s.as(anna).want(200, "POST", one+"/submit", `{}`); got.State != "submitted" || got.text() != "Goal!" || got.Created != "" {
		t.Errorf("submitted: %+v", got)
	}
	s.as(anna).want(200, "POST", one+"/submit", `{}`)
	if got := s.as(eve).want(200, "POST", one+"/return", `{"note":" Which team? "}`); got.State != "returned" || got.Note != "Which team?" {
		t.Errorf("returned: %+v", got)
	}
	s.as(anna).want(200, "PATCH", one, `{"text":"Goal for Rovers"}`)
	s.as(anna).want(200, "POST", one+"/submit", `{}`)
	s.wantPosts()
	done := s.as(eve).want(200, "POST", one+"/publish", `{}`)
	if done.State != "published" || done.Post == "" || done.Note != "" || done.Approved != (byline.Person{Who: "person/eve", Name: "EVE"}) {
		t.Errorf("published: %+v", done)
	}
	if again := s.as(eve).want(200, "POST", one+"/publish", `{}`); again.etag != done.etag || again.Post != done.Post {
		t.Errorf("again: %+v", again)
	}
	s.wantPosts("Goal for Rovers")
	p, err := s.store.Post(t.Context(), "match", motacilla.PostID(done.Post))
	if err != nil || p.Author != "Anna" || !p.Pinned || !p.KeyEvent || p.Source != Name || p.MessageID != "draft/"+done.ID {
		t.Errorf("post: %+v, %v", p, err)
	}
	for _, c := range []*client{s.as(anna), s.as(eve)} {
		c.want(409, "PATCH", one, `{"text":"late"}`)
		c.want(409, "POST", one+"/submit", `{}`)
	}
	s.as(eve).want(409, "POST", one+"/return", `{}`)
	s.as(eve).want(409, "POST", one+"/schedule", in(time.Hour))
	s.as(eve).want(409, "POST", one+"/unschedule", `{}`)
	s.as(anna).want(409, "DELETE", one, "")
	s.as(eve).want(204, "DELETE", one, "")
	s.as(eve).want(404, "DELETE", one, "")
	s.wantPosts("Goal for Rovers")
	if s.due() != 0 {
		t.Error("an entry is left")
	}
}

func testSchedule(t *testing.T) {
	s := open(t, nil)
	one := s.as(anna).add(`{"text":"Kick-off"}`)
	s.as(eve).want(409, "POST", one+"/unschedule", `{}`)
	if got := s.as(eve).want(200, "POST", one+"/schedule", in(time.Hour)); got.State != "scheduled" || got.At == "" ||
		got.Approved.Who != "person/eve" {
		t.Errorf("scheduled: %+v", got)
	}
	s.as(anna).want(409, "PATCH", one, `{"text":"mine"}`)
	s.as(anna).want(409, "DELETE", one, "")
	s.as(anna).want(409, "POST", one+"/submit", `{}`)
	s.as(eve).want(200, "PATCH", one, `{"text":"Kick-off!"}`)
	s.as(eve).want(200, "POST", one+"/schedule", in(2*time.Hour))
	if s.due() != 1 {
		t.Errorf("%d entries", s.due())
	}
	s.rounds(2, time.Now().Add(90*time.Minute))
	s.wantPosts()
	s.rounds(2, time.Now().Add(3*time.Hour))
	s.wantPosts("Kick-off!")
	if got := s.as(anna).want(200, "GET", one, ""); got.State != "published" || got.At != "" || s.due() != 0 {
		t.Errorf("%+v, %d entries", got, s.due())
	}
	s.drafts.now = time.Now

	two := s.as(eve).add(`{"text":"Half-time"}`)
	s.as(eve).want(200, "POST", two+"/schedule", in(time.Hour))
	if got := s.as(eve).want(200, "POST", two+"/unschedule", `{}`); got.State != "submitted" || got.At != "" || s.due() != 0 ||
		got.Approved.Who != "" {
		t.Errorf("%+v, %d entries", got, s.due())
	}
	s.as(eve).want(200, "POST", two+"/unschedule", `{}`)
	s.as(eve).want(200, "POST", two+"/schedule", in(time.Hour))
	s.as(eve).want(200, "POST", two+"/return", `{"note":"no"}`)
	s.as(eve).want(200, "POST", two+"/schedule", in(time.Hour))
	if got := s.as(eve).want(200, "POST", two+"/publish", `{}`); got.State != "published" || s.due() != 0 {
		t.Errorf("%+v, %d entries", got, s.due())
	}
	three := s.as(eve).add(`{"text":"never"}`)
	s.as(eve).want(200, "POST", three+"/schedule", in(time.Hour))
	s.as(eve).want(204, "DELETE", three, "")
	s.rounds(2, time.Now().Add(3*time.Hour))
	s.wantPosts("Kick-off!", "Half-time")
}

// A draft whose channel is not what it was is returned, and the note says why.
func TestChannelIsGone(t *testing.T) {
	for why, change := range map[string]func(s *rig){
		"the channel has ended": func(s *rig) {
			c, err := s.store.Channel(s.Context(), "match")
			if err == nil {
				c.Ended = time.Now().Add(time.Minute)
				_, err = s.store.PutChannel(s.Context(), c, c.Changed)
			}
			if err != nil {
				s.Fatal(err)
			}
		},
		"the channel was deleted": func(s *rig) {
			if _, err := s.store.DeleteChannel(s.Context(), "match"); err != nil {
				s.Fatal(err)
			}
		},
		"the channel was deleted, and made anew": func(s *rig) {
			_, err := s.store.DeleteChannel(s.Context(), "match")
			if err == nil {
				_, err = s.store.PutChannel(s.Context(), motacilla.Channel{ID: "match"}, 0)
			}
			if err != nil {
				s.Fatal(err)
			}
		},
	} {
		t.Run(why, func(t *testing.T) {
			s := open(t, nil)
			one := s.as(anna).add(`{"text":"Late"}`)
			s.as(eve).want(200, "POST", one+"/schedule", in(time.Hour))
			change(s)
			s.rounds(1, time.Now().Add(2*time.Hour))
			if got := s.as(anna).want(200, "GET", one, ""); got.State != "returned" || got.Note != why || s.due() != 0 {
				t.Errorf("%+v, %d entries", got, s.due())
			}
			s.drafts.now = time.Now
			if why == "the channel was deleted" {
				s.as(eve).want(404, "POST", one+"/publish", `{}`)
				s.as(eve).want(404, "POST", one+"/schedule", in(time.Hour))
				return
			}
			s.wantPosts()
			s.as(eve).want(200, "POST", one+"/publish", `{}`) // an editor wants it all the same
			s.wantPosts("Late")
		})
	}
}

func TestScheduleAfterTheEnd(t *testing.T) {
	s := open(t, nil)
	c, err := s.store.Channel(t.Context(), "match")
	if err == nil {
		c.Ended = time.Now().Add(time.Minute)
		_, err = s.store.PutChannel(t.Context(), c, c.Changed)
	}
	if err != nil {
		t.Fatal(err)
	}
	one := s.as(anna).add(`{"text":"Late"}`)
	s.as(eve).want(409, "POST", one+"/schedule", in(time.Hour))
}

// A draft that edits a post changes it, unless the post has changed meanwhile.
func testEdits(t *testing.T) {
	s := open(t, nil)
	first, err := s.store.PutPost(t.Context(), "match", motacilla.Post{
		Author: "Mara", Show: true, Pinned: true, Content: []motacilla.Block{motacilla.PlainText("Gaol")}}, 0)
	if err != nil {
		t.Fatal(err)
	}
	edits := fmt.Sprintf(`{"edits":%q,"text":"Goal"}`, first.ID)
	made := s.as(anna).want(201, "POST", "", edits)
	one := "/" + made.ID
	if made.Author != "Mara" || !made.Pinned || made.Edits != string(first.ID) || made.Base != int64(first.Revision) {
		t.Errorf("made: %+v", made)
	}
	two := s.as(ben).add(fmt.Sprintf(`{"edits":%q,"author":"Ben"}`, first.ID))
	if got := s.as(eve).want(200, "POST", one+"/publish", `{}`); got.Post != string(first.ID) {
		t.Errorf("published: %+v", got)
	}
	s.wantPosts("Goal")
	now, err := s.store.Post(t.Context(), "match", first.ID)
	if err != nil || now.Author != "Mara" || !now.Pinned || !now.Created.Equal(first.Created) {
		t.Errorf("%+v, %v", now, err)
	}
	if got := s.as(eve).want(409, "POST", two+"/publish", `{}`); !strings.Contains(got.Detail, now.Revision.String()) {
		t.Errorf("conflict: %+v", got)
	}
	if got := s.as(eve).want(200, "GET", two, ""); got.State != "draft" || got.text() != "Gaol" {
		t.Errorf("it stays: %+v", got)
	}
	s.as(eve).want(200, "POST", two+"/schedule", in(time.Hour))
	s.rounds(1, time.Now().Add(2*time.Hour))
	if got := s.as(ben).want(200, "GET", two, ""); got.State != "returned" || !strings.Contains(got.Note, now.Revision.String()) {
		t.Errorf("returned: %+v", got)
	}
	s.drafts.now = time.Now
	s.as(eve).want(200, "PATCH", two, fmt.Sprintf(`{"text":"Goal","base":%d}`, now.Revision))
	s.as(eve).want(200, "POST", two+"/publish", `{}`)
	if now, err = s.store.Post(t.Context(), "match", first.ID); err != nil || now.Author != "Ben" {
		t.Errorf("%+v, %v", now, err)
	}
	three := s.as(ben).add(fmt.Sprintf(`{"edits":%q,"text":"x"}`, first.ID))
	now.Show = false
	if now, err = s.store.PutPost(t.Context(), "match", now, now.Revision); err != nil {
		t.Fatal(err)
	}
	if got := s.as(ben).want(400, "POST", "", edits); got.Field != "edits" { // a hidden post is not there for a contributor
		t.Errorf("%+v", got)
	}
	s.as(eve).add(edits)
	if _, err := s.store.DeletePost(t.Context(), "match", first.ID, 0); err != nil {
		t.Fatal(err)
	}
	s.as(eve).want(409, "POST", three+"/publish", `{}`)
	s.as(eve).want(200, "POST", three+"/schedule", in(time.Hour))
	s.rounds(1, time.Now().Add(2*time.Hour))
	if got := s.as(ben).want(200, "GET", three, ""); got.Note != "the post was removed" {
		t.Errorf("%+v", got)
	}
}

func testPreconditions(t *testing.T) {
	s := open(t, nil)
	made := s.as(anna).want(201, "POST", "", `{"text":"one"}`)
	one := "/" + made.ID
	s.as(anna, "If-None-Match", made.etag).want(304, "GET", one, "")
	now := s.as(anna, "If-Match", made.etag).want(200, "PATCH", one, `{"text":"two"}`)
	if now.etag == made.etag {
		t.Error("the ETag is as before")
	}
	old := s.as(eve, "If-Match", made.etag)
	old.want(200, "PATCH", one, `{"text":"two"}`) // it is so already
	old.want(412, "PATCH", one, `{"text":"three"}`)
	old.want(412, "POST", one+"/submit", `{}`)
	old.want(412, "POST", one+"/return", `{}`)
	old.want(412, "POST", one+"/schedule", in(time.Hour))
	old.want(412, "POST", one+"/publish", `{}`)
	old.want(412, "DELETE", one, "")
	s.as(eve).want(200, "POST", one+"/schedule", in(time.Hour))
	old.want(412, "POST", one+"/unschedule", `{}`)
	s.as(eve, "If-Match", "*").want(204, "DELETE", one, "")
	s.wantPosts()
}

func testRepeats(t *testing.T) {
	s := open(t, nil)
	c := s.as(anna, "Idempotency-Key", "k")
	first := c.want(201, "POST", "", `{"text":"one"}`)
	if again := c.want(200, "POST", "", `{"text":"two"}`); again.ID != first.ID || again.text() != "one" {
		t.Errorf("again: %+v", again)
	}
	if other := s.as(ben, "Idempotency-Key", "k").want(201, "POST", "", `{"text":"two"}`); other.ID == first.ID {
		t.Error("ben has the draft of anna")
	}
	c.want(204, "DELETE", "/"+first.ID, "")
	c.want(410, "POST", "", `{"text":"one"}`)
	s.as(anna, "Idempotency-Key", strings.Repeat("k", 256)).do("POST", "", `{"text":"one"}`)
}

func testBadDrafts(t *testing.T) {
	s := open(t, nil)
	for _, c := range []struct{ body, field string }{
		{`{}`, "text"}, {`{"text":" "}`, "text"}, {`{"text":"<script>x</script>"}`, "text"}, {`{"text":"a","content":[]}`, "text"},
		{`{"content":[]}`, "content"}, {`{"content":[{"type":"image","value":{"media":"abc"}}]}`, "content[0].value.media"},
		{`{"text":"a","author":"` + strings.Repeat("a", 256) + `"}`, "author"}, {`{"text":"` + strings.Repeat("a", 70000) + `"}`, "text"},
		{`{"text":"a","created":"yesterday"}`, "created"}, {`{"text":"a","show":false}`, "show"}, {`{"text":"a","state":"published"}`, "state"},
		{`{"text":"a","edits":"x"}`, "edits"}, {`{"edits":"019ab000-0000-7000-8000-000000000001"}`, "edits"}, {`{"text":7}`, "text"},
		{`[]`, "body"},
	} {
		if got := s.as(anna).want(400, "POST", "", c.body); got.Field != c.field {
			t.Errorf("%.80s: %q, want %q", c.body, got.Field, c.field)
		}
	}
	s.as("contributor-nobody").want(403, "POST", "", `{"text":"a"}`)
	s.as("editor-nobody").add(`{"text":"a"}`)
	if got := s.as("contributor-nobody").want(200, "GET", "", ""); len(got.Drafts) != 0 {
		t.Errorf("nobody sees %+v", got)
	}
	s.as(anna).want(413, "POST", "", `{"text":"`+strings.Repeat("a", 1<<20)+`"}`)
	s.as(anna, "Content-Type", "text/plain").want(415, "POST", "", `{"text":"a"}`)
	s.as(anna, "Sec-Fetch-Site", "cross-site").want(403, "POST", "", `{"text":"a"}`)
	one := s.as(anna).add(`{"text":"a"}`)
	for _, c := range []struct{ method, path, body, field string }{
		{"PATCH", one, `{"base":7}`, "base"}, {"PATCH", one, `{"edits":"x"}`, "edits"}, {"PATCH", one, `{"text":""}`, "text"},
		{"POST", one + "/schedule", `{}`, "at"}, {"POST", one + "/schedule", `{"at":"soon"}`, "at"},
		{"POST", one + "/schedule", in(-time.Hour), "at"},
		{"POST", one + "/schedule", in(11 * 365 * 24 * time.Hour), "at"},
		{"POST", one + "/return", `{"note":"` + strings.Repeat("ä", 1001) + `"}`, "note"},
		{"POST", one + "/publish", `{"at":1}`, "at"}, {"GET", "/x", "", "draft_id"}, {"GET", "?limit=0", "", "limit"},
		{"GET", "?limit=1&limit=2", "", "limit"},
		{"GET", "?state=gone", "", "state"}, {"GET", "?state=draft&state=gone", "", "state"}, {"GET", "?after=x", "", "after"},
	} {
		if got := s.as(eve).want(400, c.method, c.path, c.body); got.Field != c.field {
			t.Errorf("%s %s %.80s: %q, want %q", c.method, c.path, c.body, got.Field, c.field)
		}
	}
	// The longest post fits in, whatever its text is.
	body, err := json.Marshal(map[string]any{"content": []any{map[string]any{"type": "text", "value": map[string]string{
		"text": strings.Repeat("\"", motacilla.MaxText)}}}})
	if err != nil {
		t.Fatal(err)
	}
	s.as(anna).add(string(body))
	links := `{"type":"embed","value":{"url":"https://example.org/` + strings.Repeat("a", 1000) + `"}}`
	if got := s.as(anna).want(400, "POST", "", `{"content":[`+strings.Repeat(links+",", 600)+links+`]}`); got.Field != "content" {
		t.Errorf("too long: %+v", got)
	}
}

func testList(t *testing.T) {
	s := open(t, nil)
	var mine []string
	for i := range 130 {
		d := newDraft(fmt.Sprint(i), time.Now())
		if d.By.Who = "person/ben"; i%50 == 49 {
			d.By.Who, d.State = "person/anna", Submitted
			mine = append(mine, string(d.id))
		}
		if _, err := s.drafts.put(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	list := func(c *client, query string) (ids []string) {
		for next := ""; ; {
			got := c.want(http.StatusOK, "GET", "?"+query+next, "")
			for _, one := range got.Drafts {
				ids = append(ids, one.ID)
			}
			if got.Next == "" {
				return ids
			}
			next = "&after=" + got.Next
		}
	}
	if got := list(s.as(anna), "limit=1"); len(got) != len(mine) {
		t.Errorf("anna: %v, want %v", got, mine)
	}
	if got := list(s.as(eve), "state=submitted"); len(got) != len(mine) {
		t.Errorf("submitted: %v", got)
	}
	if got := list(s.as(eve), "state=submitted&state=draft"); len(got) != 130 {
		t.Errorf("submitted and not: %v", got)
	}
	all := map[string]bool{}
	for _, id := range list(s.as(eve), "limit=60") {
		all[id] = true
	}
	if len(all) != 130 {
		t.Errorf("%d drafts", len(all))
	}
	s.as("").want(401, "GET", "", "")
	s.as("reader-x").want(403, "GET", "", "")
}
