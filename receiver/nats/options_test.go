package nats

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
	publisher "github.com/motacilla-live/motacilla/publisher/nats"
	"github.com/motacilla-live/motacilla/receiver/webhook"
	"pgregory.net/rapid"
)

func TestSubjects(t *testing.T) {
	for _, tt := range []struct {
		subject, filter, of, channel string
		ok                           bool
	}{
		{"scores.{channel_id}", "scores.*", "scores.match-42", "match-42", true},
		{"scores.{channel_id}", "scores.*", "scores.a%2Eb%2E", "a.b.", true},
		{"scores.{channel_id}", "scores.*", "scores.match.42", "", false},
		{"scores.{channel_id}", "scores.*", "scores", "", false},
		{"scores.{channel_id}", "scores.*", "goals.match", "", false},
		{"a.{channel_id}.>", "a.*.>", "a.match.b.c", "match", true},
		{"a.{channel_id}.>", "a.*.>", "a.match", "", false},
		{"*.goals.{channel_id}.x", "*.goals.*.x", "de.goals.match.x", "match", true},
		{"news.>", "news.>", "news.today.1", "", true},
		{"news", "news", "news", "", true},
	} {
		list, err := parseSubjects([]string{tt.subject})
		if err != nil {
			t.Errorf("%s: %v", tt.subject, err)
			continue
		}
		if got := list[0].filter(); got != tt.filter {
			t.Errorf("%s becomes the filter %s, want %s", tt.subject, got, tt.filter)
		}
		if channel, ok := list[0].match(tt.of); channel != tt.channel || ok != tt.ok {
			t.Errorf("%s and %s: channel %q, %t; want %q, %t", tt.subject, tt.of, channel, ok, tt.channel, tt.ok)
		}
	}
	for _, bad := range []string{"", "a..b", ".", "a b", "a.>.b", "a*", "x{channel_id}", "{channel_id}.{channel_id}", "a.é", "{channel}"} {
		if _, err := parseSubjects([]string{"a", bad}); !errors.Is(err, motacilla.ErrInvalid) || !strings.HasPrefix(err.Error(), "subjects[1]: must be") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// TestSubjectsOfThePublisher: each channel has a subject of its own, from which the receiver makes the channel.
func TestSubjectsOfThePublisher(t *testing.T) {
	list, err := parseSubjects([]string{"live.{channel_id}.updates"})
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		id, err := motacilla.ParseChannelID(rapid.StringMatching(`[A-Za-z0-9._~:@+-]{1,20}`).Draw(t, "channel"))
		if err != nil {
			t.Skip("only dots")
		}
		subject := publisher.Subject("live.{channel_id}.updates", id)
		if channel, ok := list[0].match(subject); !ok || channel != string(id) {
			t.Errorf("%q has the subject %q, of which becomes %q", id, subject, channel)
		}
	})
}

func plain() *Options {
	return &Options{
		Connection: Connection{Servers: []string{"nats://127.0.0.1:1"}}, Subjects: []string{"scores.{channel_id}"},
		Mapping: Mapping{Text: "{{.text}}"},
	}
}

func TestOptions(t *testing.T) {
	common := newShared(t)
	for _, tt := range []struct {
		set   func(*Options)
		field string
	}{
		{func(o *Options) { o.Servers = nil }, "servers: must"},
		{func(o *Options) { o.Subjects = nil }, "subjects: must"},
		{func(o *Options) { o.Subjects = []string{"scores.*"} }, "channel: must be set"},
		{func(o *Options) { o.Stream = "a b" }, "stream: must"},
		{func(o *Options) { o.Consumer = "a.b" }, "consumer: must"},
		{func(o *Options) { o.Text = "{{" }, "text: line 1"},
		{func(o *Options) { o.Preset = "none" }, "preset: there is no"},
		{func(o *Options) { o.Name = "A b" }, "name: must"},
		{func(o *Options) { o.Remove = []string{"@.removed"} }, "message_id: must be set"},
	} {
		o := plain()
		tt.set(o)
		if _, err := New(common.kit(), o, nil); !errors.Is(err, motacilla.ErrInvalid) || !strings.HasPrefix(err.Error(), tt.field) {
			t.Errorf("want %s, got %v", tt.field, err)
		}
	}
	o := plain()
	o.Preset, o.Text = "github-releases", ""
	r, err := New(common.kit(), o, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.Source() != "github-releases" || r.o.Consumer != "motacilla-github-releases" || len(r.URLs()) > 0 {
		t.Errorf("the source is %q, the consumer %q", r.Source(), r.o.Consumer)
	}
}

// TestSameMapping: each option of a webhook's mapping is one here too, with the same type.
func TestSameMapping(t *testing.T) {
	here, there := reflect.TypeFor[Mapping](), reflect.TypeFor[webhook.Options]()
	others := "name verify secrets header algorithm encoding prefix separator timestamp signed tolerance delivery_header response max_body"
	keys := map[string]reflect.Type{}
	for i := range here.NumField() {
		keys[here.Field(i).Tag.Get("key")] = here.Field(i).Type
	}
	for i := range there.NumField() {
		f := there.Field(i)
		key := f.Tag.Get("key")
		if !strings.Contains(" "+others+" ", " "+key+" ") && keys[key] != f.Type {
			t.Errorf("%s is an option of a webhook's mapping, and here it is %v", key, keys[key])
		}
	}
	filled := reflect.New(here).Elem() // each gets to the mapping
	for i := range here.NumField() {
		if f := filled.Field(i); f.Kind() == reflect.String {
			f.SetString(here.Field(i).Tag.Get("key"))
		} else {
			f.Set(reflect.ValueOf([]string{here.Field(i).Tag.Get("key")}))
		}
	}
	o := plain()
	o.Mapping = filled.Interface().(Mapping)
	o.Preset = ""
	_, m, err := o.complete()
	if err != nil {
		t.Fatal(err)
	}
	got := reflect.ValueOf(*m)
	for i := range here.NumField() {
		name, value := here.Field(i).Name, filled.Field(i).Interface()
		if name != "Preset" && !reflect.DeepEqual(got.FieldByName(name).Interface(), value) {
			t.Errorf("%s does not get to the mapping", name)
		}
	}
}

// TestFacts: a sender can't say what the stream says.
func TestFacts(t *testing.T) {
	r, err := New(newShared(t).kit(), plain(), nil)
	if err != nil {
		t.Fatal(err)
	}
	h := r.facts(&document{subject: "scores.match-42", header: map[string][]string{
		"nats-channel": {"another"}, "Nats-Version": {"9"}, "x-kind": {"goal"}, "Nats-Sequence": {"1"}, "Nats-Time": {"2026-01-01T00:00:00Z"},
	}})
	for key, want := range map[string]string{
		"Nats-Channel": "match-42", "Nats-Subject": "scores.match-42", "X-Kind": "goal", "Nats-Version": "", "Nats-Sequence": "", "Nats-Time": "",
	} {
		if got := h.Get(key); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
}
