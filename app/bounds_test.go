package app

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
)

// TestBounds: values at both sides of the bounds, from the file and from the environment. The errors, the keys and the help
// say the bounds in the same words.
func TestBounds(t *testing.T) {
	type options struct {
		Both  int           `key:"both" min:"-2" max:"5" doc:"d"`
		Least float64       `key:"least" min:"0.5" doc:"d"`
		Most  time.Duration `key:"most" max:"1h" doc:"d"`
		Text  string        `key:"text" min:"2" max:"3" doc:"d"`
		Some  string        `key:"some" max:"1" doc:"d"`
		Word  string        `key:"word" choices:"one,two,three" doc:"d"`
		Only  string        `key:"only" choices:"one" doc:"d"`
	}
	schema, err := newSchema(adapters{stores: []component{{"memory", &options{Word: "two"}}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ key, right, wrong, words string }{
		{"both", "-2 5 0", "-3 6", "-2 to 5"},
		{"least", "0.5 100", "0.49 -1", "at least 0.5"},
		{"most", "0s 1h 60m", "60m1s 2h", "at most 1h"},
		{"text", "ab äöü", "a äöüß", "2 to 3 characters"},
		{"some", "a ä", "ab", "at most 1 character"},
		{"word", "one two three", "on four One", "one, two or three"},
		{"only", "one", "two", "one"},
	} {
		key := "storage." + tt.key
		k := schema.byName[key]
		if k.Bounds != tt.words {
			t.Errorf("%s takes %q, want %q", key, k.Bounds, tt.words)
		}
		set := pflag.NewFlagSet("", pflag.ContinueOnError)
		schema.Flags(set)
		if help := set.Lookup(key).Usage; !strings.HasPrefix(help, "d ("+tt.words) {
			t.Errorf("the help of %s is %q", key, help)
		}
		for _, value := range strings.Fields(tt.right + " " + tt.wrong) {
			wrong := strings.Contains(" "+tt.wrong+" ", " "+value+" ")
			for origin, in := range map[string]Input{
				"file given by the program": {YAML: []byte("storage: {" + tt.key + ": " + value + "}"), Env: []string{}},
				"environment " + k.Env:      {YAML: []byte{}, Env: []string{k.Env + "=" + value}},
			} {
				_, err := schema.Load(in)
				if want := key + ": must be " + tt.words + " (" + origin + ")"; wrong && (err == nil || err.Error() != want) {
					t.Errorf("%s from the %s: error is %v, want %s", value, origin, err, want)
				}
				if !wrong && err != nil {
					t.Errorf("%s from the %s: %v", value, origin, err)
				}
			}
		}
	}
	if k := schema.byName["storage.word"]; !reflect.DeepEqual(k.Choices, []string{"one", "two", "three"}) {
		t.Errorf("storage.word can be %q", k.Choices)
	}
	if _, err := schema.Load(Input{YAML: []byte{}, Env: []string{}}); err != nil {
		t.Errorf("options without a default that are not set: %v", err)
	}
}

// TestWrongTags: a mistake in a tag is found when the program starts.
func TestWrongTags(t *testing.T) {
	for want, options := range map[string]any{
		"x: the tag min: must be a whole number": &struct {
			X int `key:"x" min:"1s"`
		}{},
		"x: the tag max: must be a duration": &struct {
			X time.Duration `key:"x" max:"5"`
		}{},
		"x: the tag min is more than max": &struct {
			X string `key:"x" min:"3" max:"2"`
		}{},
		"x: a bool can't have the tag min": &struct {
			X bool `key:"x" min:"1"`
		}{},
		"x: only a text can have the tag choices": &struct {
			X int `key:"x" choices:"1,2"`
		}{},
		"x: with the tag choices there can be neither min nor max": &struct {
			X string `key:"x" choices:"a" max:"1"`
		}{},
		"x: the tag choices must be different words": &struct {
			X string `key:"x" choices:"a, b"`
		}{},
		"x: the default must be 1 to 5": &struct {
			X int `key:"x" min:"1" max:"5"`
		}{9},
	} {
		if _, err := newSchema(adapters{stores: []component{{"memory", options}}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %s", err, want)
		}
	}
}

// TestShortDurations: the defaults of durations have no parts that are zero.
func TestShortDurations(t *testing.T) {
	for _, want := range []string{"0s", "1s", "1m", "1m5s", "1h", "1h0m5s", "10h30m", "500ms"} {
		d, err := time.ParseDuration(want)
		if got := durationText(d); err != nil || got != want {
			t.Errorf("%v is written as %s (%v), want %s", d, got, err, want)
		}
	}
}
