package drafts

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
)

// broken are records of which none can be read.
type broken struct {
	motacilla.Records
	err error
}

func (b broken) Get(context.Context, string, string) (motacilla.Record, error) {
	return motacilla.Record{}, b.err
}

func (b broken) Put(context.Context, motacilla.Record) (motacilla.Record, error) {
	return motacilla.Record{}, b.err
}

func (b broken) List(context.Context, string, string, string, int) ([]motacilla.Record, error) {
	return nil, b.err
}

// one is a draft's ID that nothing has.
const one = "/019ab000-0000-7000-8000-000000000009"

type operation struct{ method, path, body string }

func operations() []operation {
	return []operation{
		{"GET", "", ""}, {"POST", "", `{"text":"a"}`}, {"GET", one, ""}, {"PATCH", one, `{"text":"a"}`}, {"DELETE", one, ""},
		{"POST", one + "/submit", `{}`}, {"POST", one + "/return", `{}`}, {"POST", one + "/publish", `{}`},
		{"POST", one + "/schedule", in(time.Hour)}, {"POST", one + "/unschedule", `{}`},
	}
}

// A store that fails is told of in the same way by all routes, and nothing in the answer tells what is in it.
func testFaults(t *testing.T) {
	for status, fault := range map[int]error{503: motacilla.ErrUnavailable, 500: errors.New("disk s3cret is full")} {
		s := open(t, nil)
		s.drafts.records = broken{s.store.Records(), fault}
		for _, o := range operations() {
			if w := s.as(eve).do(o.method, o.path, o.body); w.Code != status || strings.Contains(w.Body.String(), "s3cret") {
				t.Errorf("%s %s: %d %s, want %d", o.method, o.path, w.Code, w.Body, status)
			}
		}
		if _, err := s.drafts.round(t.Context()); !errors.Is(err, fault) {
			t.Errorf("a round: %v", err)
		}
	}
}

// Each route refuses what all routes refuse.
func testRefusals(t *testing.T) {
	s := open(t, nil)
	for _, o := range operations() {
		s.as("").want(401, o.method, o.path, o.body)
		s.as("reader-x").want(403, o.method, o.path, o.body)
		if o.path != "" {
			s.as(eve).want(404, o.method, o.path, o.body)
			s.as(eve).want(400, o.method, strings.Replace(o.path, one, "/x", 1), o.body)
		}
		if o.body != "" {
			s.as(eve).want(413, o.method, o.path, `{"text":"`+strings.Repeat("a", 1<<20)+`"}`)
			s.as(eve, "Content-Type", "text/plain").want(415, o.method, o.path, o.body)
		}
	}
	for _, path := range []string{"", one, one + "/submit", one + "/return", one + "/publish", one + "/schedule", one + "/unschedule"} {
		s.as(eve).want(405, "PUT", path, "")
	}
	d, err := s.drafts.put(t.Context(), newDraft("out", time.Now()))
	if err == nil {
		_, err = s.drafts.change(t.Context(), "match", d.id, to(Publishing, time.Now()))
	}
	if err != nil {
		t.Fatal(err)
	}
	s.as(eve).want(409, "DELETE", "/"+string(d.id), "")
	if got := s.as(eve).want(200, "POST", "/"+string(d.id)+"/publish", `{}`); got.State != "published" { // another node may have died
		t.Errorf("published: %+v", got)
	}
}

// Every field can be written, and what was read can be written back.
func testFields(t *testing.T) {
	s := open(t, pictures{})
	const content = `"content":[{"type":"text","value":{"text":"a"}},
		{"type":"image","value":{"url":"https://example.org/a.jpg","alt":"A","width":4,"height":3}},
		{"type":"image","value":{"media":"known","alt":"B","pending":false,"srcset":"/a.jpg 4w","color":"#336699"}},
		{"type":"score","value":{"home":"A","away":"B","home_score":"2","away_score":"1","note":"67'"}},
		{"type":"embed","value":{"url":"https://example.org/","card":{"provider":"P","title":"T","summary":"S",
			"picture":"https://example.org/p.jpg","frame":"https://example.org/f","width":4,"height":3}}}]`
	made := s.as(anna).want(201, "POST", "", `{`+content+`,"author":"A","pinned":true,"key_event":true,"created":"2025-01-01T00:00:00Z"}`)
	path := "/" + made.ID
	got := s.as(anna, "If-Match", "*").want(200, "PATCH", path, `{`+content+`,"author":"B","pinned":false,"key_event":false,"created":null}`)
	if len(got.Content) != 5 || got.Content[2].URL != "/media/known.jpg" || got.Content[2].Srcset != "" || got.Author != "B" || got.Pinned {
		t.Errorf("changed: %+v", got)
	}
	for _, step := range []operation{
		{"POST", path + "/submit", `{}`}, {"POST", path + "/return", `{"note":"x"}`}, {"POST", path + "/schedule", in(time.Hour)},
		{"POST", path + "/unschedule", `{}`}, {"POST", path + "/publish", `{}`},
	} {
		now := s.as(eve).want(200, "GET", path, "")
		s.as(eve, "If-Match", now.etag).want(200, step.method, step.path, step.body)
	}
	s.as(eve).want(404, "POST", "//other/drafts", `{"text":"a"}`)
	if made := s.as(eve).want(201, "POST", "/", `{"text":"a"}`); made.location != made.ID {
		t.Errorf("the location is %q, below the URL that ends with a slash", made.location)
	}
}

// TestREST covers every operation, status, header, parameter and property that the description has. The rig checks that what is done is as
// described.
func TestREST(t *testing.T) {
	tests := map[string]func(*testing.T){
		"approval": testApproval, "schedule": testSchedule, "edits": testEdits, "preconditions": testPreconditions, "repeats": testRepeats,
		"bad drafts": testBadDrafts, "list": testList, "faults": testFaults, "refusals": testRefusals, "fields": testFields,
	}
	ran := 0
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { ran++; test(t) })
	}
	if ran < len(tests) || t.Failed() {
		return // -run names some of them
	}
	c, err := contract()
	if err != nil {
		t.Fatal(err)
	}
	for _, unseen := range c.Unseen("/api/channels/{channel_id}/drafts") {
		if !strings.Contains(unseen, " 429") { // the server's own limit on requests
			t.Errorf("described, and by no test seen: %s", unseen)
		}
	}
}
