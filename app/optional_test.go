package app

import (
	"strings"
	"testing"
)

// bot is a receiver that can't do without its token.
type bot struct {
	Token string `key:"token" secret:"true" required:"true" doc:"the bot's token"`
}

// quiet is a receiver that could do without its token, but has to be named.
type quiet struct {
	Token string `key:"token" doc:"a token"`
}

func (*quiet) OnlyNamed() bool { return true }

type imageFolder struct {
	Path string `key:"path" doc:"the folder"`
}

func optionalSchema(t *testing.T) *Schema {
	t.Helper()
	s, err := newSchema(adapters{
		stores: []component{{"memory", nil}}, media: []component{{"memory", nil}, {"local", &imageFolder{"images"}}},
		receivers: []component{{"webapp", nil}, {"telegram", &bot{}}, {"quiet", &quiet{}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestRequiredOptions: an adapter that needs an option, or says so itself, is used only if the configuration names it.
func TestRequiredOptions(t *testing.T) {
	s := optionalSchema(t)
	for _, tt := range []struct {
		yaml, want, wrong string
		env               []string
	}{
		{yaml: "{}", want: "webapp"},
		{yaml: "receivers: [webapp, {type: telegram, token: x}, {type: telegram, token: y}]", want: "webapp,telegram,telegram"},
		{yaml: "receivers: [telegram]", env: []string{"MOTACILLA_RECEIVERS_TELEGRAM_TOKEN=x"}, want: "telegram"},
		{yaml: "receivers: [quiet, webapp]", want: "quiet,webapp"},
		{yaml: "receivers: {quiet: {token: x}}", want: "webapp"},
		{yaml: "receivers: [telegram]", wrong: "receivers[0].token: must be set: the bot's token"},
		{yaml: "receivers: [{type: telegram, token: ''}]", wrong: "receivers[0].token: must be set: the bot's token"},
	} {
		c, err := s.Load(Input{YAML: []byte(tt.yaml), Env: append([]string{}, tt.env...)})
		switch {
		case tt.wrong != "":
			if err == nil || !strings.Contains(err.Error(), tt.wrong) {
				t.Errorf("%s: %v, want %s", tt.yaml, err, tt.wrong)
			}
		case err != nil || types(c.Receivers) != tt.want:
			t.Errorf("%s: %v, %v, want %s", tt.yaml, c, err, tt.want)
		}
	}
	if d := s.byName["receivers"].Default; d != "webapp" {
		t.Errorf("the default of receivers is %q", d)
	}
}

// TestMediaIsAChoice: one media store is chosen, or none.
func TestMediaIsAChoice(t *testing.T) {
	s := optionalSchema(t)
	for _, tt := range []struct{ yaml, want, wrong string }{
		{yaml: "{}", want: "local"},
		{yaml: "media: {path: /srv}", want: "local"},
		{yaml: "media: {type: memory}", want: "memory"},
		{yaml: "media: {type: none}", want: "none"},
		{yaml: "media: {type: s3}", wrong: `media.type: there is no media store "s3"; known: local, memory`},
		{yaml: "media: {type: none, path: x}", wrong: `media.path: the media store "none" has no such key`},
	} {
		c, err := s.Load(Input{YAML: []byte(tt.yaml), Env: []string{}})
		switch {
		case tt.wrong != "":
			if err == nil || !strings.Contains(err.Error(), tt.wrong) {
				t.Errorf("%s: %v, want %s", tt.yaml, err, tt.wrong)
			}
		case err != nil || c.Media.Type != tt.want:
			t.Errorf("%s: %v, want %s", tt.yaml, err, tt.want)
		}
	}
	without, err := newSchema(adapters{stores: []component{{"memory", nil}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, there := without.byName["media.type"]; there {
		t.Error("an app without media stores has the key media.type")
	}
}
