package app_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/page/languages"
	"github.com/motacilla-live/motacilla/publisher/polling"
	"github.com/motacilla-live/motacilla/storage/memory"
	"go.uber.org/fx"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// TestLookKeys: what is wrong with the look is told when the app is built, with its key.
func TestLookKeys(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	css := write("site.css", "p{}")
	broken := filepath.Dir(write("broken/header.html", "\n{{.Nothing}}"))
	words := filepath.Dir(write("words/de.yaml", "language: de\nwords: {bagde: Jetzt}"))
	for _, tt := range []struct {
		key, value string
		speaks     bool // the app has languages
		want       string
	}{
		{"page.language", "de", false, `page.language: there is no language "de"; there is en; add languages.Module of page/languages to this app`},
		{"page.language", "pl", true, `page.language: there is no language "pl"; there are ar, de, en`},
		{"page.language", "", true, ""},
		{"page.channel_languages", "wahl-*=pl", true, `page.channel_languages: "wahl-*=pl": there is no language "pl"`},
		{"page.channel_languages", "wahl", true, "page.channel_languages: must be PATTERN=TAG"},
		{"page.channel_languages", "wahl=de", false, "add languages.Module of page/languages to this app"},
		{"page.languages", words, true, "page.languages: de.yaml: bagde: there is no such word"},
		{"page.languages", words, false, "page.languages: this app reads no languages; add languages.Module of page/languages to it"},
		{"page.languages", dir + "/none", true, "page.languages: stat "},
		{"page.templates", broken, false, "page.templates: template: header.html:2:2: executing"},
		{"page.templates", css, false, "page.templates: must be a folder, and " + css + " is a file"},
		{"page.styles", dir + "/none.css", false, "page.styles: open " + dir + "/none.css"},
		{"page.time_zone", "Berlin", false, "page.time_zone: must be the name of a time zone, such as Europe/Berlin or UTC"},
		{"page.time_zone", "Europe/Berlin", false, ""},
	} {
		t.Run(tt.key+" "+tt.value, func(t *testing.T) {
			in := &app.Input{Env: []string{}, Flags: map[string]string{"server.token": "s3cret", "log.level": "error"}}
			if tt.value != "" {
				in.Flags[tt.key] = tt.value
			}
			opts := []fx.Option{memory.Module, polling.Module, fx.Supply(in)}
			if tt.speaks {
				opts = append(opts, languages.Module)
			}
			err := app.New(opts...).Err()
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error is %v\nwant %s", err, tt.want)
			}
		})
	}
}

// TestLookOfAnApp runs an app with every key of the look.
func TestLookOfAnApp(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"templates/footer.html": `<footer>{{.Word "own_imprint"}}</footer>`, "site.css": "p{color:teal}",
		"words/de.yaml":        "language: de\nwords: {own_imprint: Impressum}",
		"templates/error.html": `{{if eq .Site "Motacilla"}}{{index .Text 9999}}{{end}}`,
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var server *app.Server
	in := &app.Input{Env: []string{}, Flags: map[string]string{
		"server.addr": "127.0.0.1:0", "server.token": "s3cret", "log.level": "error", "page.language": "de",
		"page.templates": dir + "/templates", "page.styles": dir + "/site.css", "page.languages": dir + "/words",
		"page.time_zone": "Europe/Berlin", "page.reload": "true",
	}}
	core, logs := observer.New(zap.ErrorLevel)
	a := app.New(memory.Module, polling.Module, languages.Module, fx.Supply(in), fx.Populate(&server),
		fx.Decorate(func(*zap.Logger) *zap.Logger { return zap.New(core) }))
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() {
		http.DefaultClient.CloseIdleConnections()
		if err := a.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	base := "http://" + server.Addr().String()
	for path, want := range map[string]string{"/": "<footer>Impressum</footer>", "/assets/site.css": "teal", "/assets/words.de.json": "Angeheftet"} {
		answer, err := http.Get(base + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || !strings.Contains(string(body), want) {
			t.Errorf("%s: %v, %s", path, err, body)
		}
	}
	answer, err := http.Get(base + "/channels/none")
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if logs.FilterMessage("a page failed").Len() == 0 {
		t.Errorf("the log has not why the template fails: %v", logs.All())
	}
}
