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
func TestFaults(t *testing.T) {
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
func TestRefusals(t *testing.T) {
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

// The package's tests cover every operation, status, header, parameter and property that the description has. The rig checks that
// what they do is as described.
func TestDescription(t *testing.T) {
	for name, test := range map[string]func(*testing.T){
		"approval": TestApproval, "schedule": TestSchedule, "edits": TestEdits, "preconditions": TestPreconditions, "repeats": TestRepeats,
		"bad drafts": TestBadDrafts, "list": TestList, "faults": TestFaults, "refusals": TestRefusals,
	} {
		t.Run(name, test)
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
