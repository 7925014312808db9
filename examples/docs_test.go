package examples

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/app/standard"
	"github.com/motacilla-live/motacilla/examples/custompublisher"
	"github.com/motacilla-live/motacilla/examples/r3labspublisher"
	"github.com/motacilla-live/motacilla/internal/configtest"
)

// The tests of this package check the fenced blocks of README.md, CONTRIBUTING.md and every page of docs/, by language.
//
//	go       compiles. It is a whole file, declarations, or statements. If its first line names a file of examples/, it is
//	         quoted from that file. A block with a file name after the language is a
//	         file of the module that the document makes, see TestModules.
//	yaml     is a configuration. The program loads it, and the JSON Schema for editors accepts it.
//	json     parses. If it looks like an update, it is an update.
//	console  is run, each line after "$ ", and prints what the block shows. "…" and "..." match anything. Revisions, times
//	         and IDs match any others. "motacilla" is the program and localhost:8080, 127.0.0.1:8080 and
//	         https://live.example.org are the document's server, which has the channel match-42; while a command follows
//	         it a post is written. A line that serves starts the server from which the document goes on.
//	sh       is a sketch that the reader adapts. Its syntax is checked, and that motacilla has its commands and flags.
//
// languages says where blocks of other languages are checked, or why they are not. elsewhere says it for single blocks.

// languages are the languages whose blocks are not checked here, and why.
var languages = map[string]string{
	"html": "the browser's tests have pages like it", "js": "e2e/guide_test.go runs it in a browser, access/jwt that of docs/jwt.md",
	"python": "access/jwt runs it",
	"css":    "for a browser", "ts": "e2e/npm_test.go compiles it with the npm package",
	"nginx": "tests of the packages run nginx with it", "vcl": "e2e/loadtest runs Varnish with it", "caddy": "no Caddy on the test machine",
	"apache": "no Apache on the test machine", "ini": "for systemd or redis", "systemd": "for systemd",
	"dockerfile": "no container runtime on the test machine", "sql": "the store's own tests speak to a database",
	"promql": "for Prometheus", "text": "neither code nor command",
}

// elsewhere are the blocks of a document that are not checked here, and why. contains chooses them; if it is empty, all
// blocks of the language are meant. If commands is true, it is still checked that motacilla has their commands and flags.
var elsewhere = []exception{
	{"docs/command-line.md", "console", "", true, "one sitting at a terminal, with prompts, tables that fit it, and a second server; " +
		"the tests of cmd/motacilla hold its commands"},
	{"docs/storage.md", "console", "", true, "stores that the reader has are copied; the tests of cmd/motacilla do it"},
	{"docs/tls.md", "console", "", true, "a public host with a certificate; e2e/tls_test.go runs the same commands against a server of its own"},
	{"docs/redis.md", "console", "", false, "redis-cli speaks to the reader's own server, which is out of reach in one of them"},
	{"docs/postgres.md", "console", "", true, "psql and pg_dump speak to the reader's own database server"},
}

type exception struct {
	document, language, contains string
	commands                     bool
	why                          string
}

// block is a fenced block of a document.
type block struct {
	document string // "docs/sse.md"
	line     int
	language string
	file     string // the name after the language, of a file of the module that the document makes
	text     string
}

func (b block) String() string { return fmt.Sprintf("%s:%d", b.document, b.line) }

// blocks returns the fenced blocks of a document (CommonMark, section 4.5), without the indentation of their fence.
func blocks(document string) ([]block, error) {
	text, err := os.ReadFile(filepath.Join("..", document))
	if err != nil {
		return nil, err
	}
	var list []block
	var open *block
	indent := ""
	for i, line := range strings.Split(string(text), "\n") {
		bare := strings.TrimLeft(line, " ")
		fence := strings.HasPrefix(bare, "```")
		switch {
		case open == nil && fence:
			indent = line[:len(line)-len(bare)]
			open = &block{document: document, line: i + 1}
			open.language, open.file, _ = strings.Cut(strings.TrimSpace(strings.Trim(bare, "`")), " ")
		case open != nil && fence:
			list = append(list, *open)
			open = nil
		case open != nil:
			open.text += strings.TrimPrefix(line, indent) + "\n"
		}
	}
	if open != nil {
		return nil, fmt.Errorf("%s: the block is not closed", open)
	}
	return list, nil
}

// documents returns all documents. A new page of docs/ is among them.
func documents(t *testing.T) []string {
	t.Helper()
	pages, err := filepath.Glob("../docs/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatal("docs/ has no pages", err)
	}
	list := []string{"README.md", "CONTRIBUTING.md"}
	for _, page := range pages {
		list = append(list, strings.TrimPrefix(filepath.ToSlash(page), "../"))
	}
	return list
}

func TestDocuments(t *testing.T) {
	exports := newExports(t)
	schema, err := app.SchemaOf(standard.Module, custompublisher.Module, r3labspublisher.Module)
	if err != nil {
		t.Fatal(err)
	}
	jsonSchema, err := schema.JSONSchema()
	if err != nil {
		t.Fatal(err)
	}
	editor := configtest.New(t, jsonSchema)
	used := map[exception]bool{}
	for _, document := range documents(t) {
		t.Run(document, func(t *testing.T) {
			list, err := blocks(document)
			if err != nil {
				t.Fatal(err)
			}
			var console *session // one for the document
			for _, b := range list {
				err := error(nil)
				switch {
				case excepted(b, used) != nil:
					if !excepted(b, used).commands {
						break
					}
					for line := range strings.Lines(b.text) {
						if command, is := strings.CutPrefix(line, "$ motacilla "); is && err == nil {
							err = checkSketch(t, "motacilla "+strings.TrimSuffix(strings.TrimSpace(command), "\\"))
						}
					}
				case languages[b.language] != "", b.file != "":
				case b.language == "go":
					if file, is := quotes(b.text); is {
						err = checkQuote(file, b.text)
					} else {
						err = exports.compile(b.text)
					}
				case b.language == "yaml":
					if _, err = schema.Load(app.Input{YAML: []byte(b.text), Env: []string{}}); err == nil {
						err = editor.Check([]byte(b.text))
					}
				case b.language == "json":
					err = checkJSON(b.text)
				case b.language == "console":
					if console == nil {
						console = newSession(t, list)
					}
					err = console.play(b.text)
				case b.language == "sh":
					err = checkSketch(t, b.text)
				default:
					err = fmt.Errorf("a block in %q: give it a language that is held, or say in languages why not", b.language)
				}
				if err != nil {
					t.Errorf("%v: %v\n%s", b, err, b.text)
				}
			}
		})
	}
	for _, e := range elsewhere {
		if !used[e] {
			t.Errorf("%s has no block of %s with %q any more: take it off the list", e.document, e.language, e.contains)
		}
	}
}

// excepted returns the exception for the block, or nil.
func excepted(b block, used map[exception]bool) *exception {
	i := slices.IndexFunc(elsewhere, func(e exception) bool {
		return e.document == b.document && e.language == b.language && strings.Contains(b.text, e.contains) && e.why != ""
	})
	if i < 0 {
		return nil
	}
	used[elsewhere[i]] = true
	return &elsewhere[i]
}

func checkJSON(text string) error {
	var object map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &object); err != nil {
		return err
	}
	if _, is := object["renders"]; !is {
		return nil
	}
	var u motacilla.Update
	if err := json.Unmarshal([]byte(text), &u); err != nil {
		return err
	}
	again, err := json.Marshal(u)
	if err != nil {
		return err
	}
	var known map[string]json.RawMessage
	if err := json.Unmarshal(again, &known); err != nil {
		return err
	}
	for key := range object {
		if known[key] == nil {
			return errors.New(key + " is not a key of an update")
		}
	}
	return nil
}

func TestBlocks(t *testing.T) {
	list, err := blocks("docs/wire.md")
	if err != nil || len(list) < 2 || list[0].language != "json" || !strings.HasPrefix(list[0].text, `{"channel"`) {
		t.Errorf("the blocks of docs/wire.md are %+v, %v", list, err)
	}
	for name, wrong := range map[string]error{
		"an unknown key of an update": checkJSON(`{"channel":"c","from":1,"revision":2,"renders":{},"removals":[],"resets":true}`),
		"a program with a slip":       newExports(t).compile("package main\n\nfunc main() { motacilla.Nothing() }\n"),
		"statements with a slip":      newExports(t).compile("feed.Nothing()\n"),
		"output that differs":         match("one\ntwo", "one\nthree"),
		"output that is missing":      match("one\n…\nthree", "one"),
		"a quote with a slip":         checkQuote("docs_test.go", "// examples/docs_test.go\npackage exemples\n"),
		"a quote in another order":    checkQuote("docs_test.go", "// x\nimport (\n…\npackage examples\n"),
		"a flag that there is not":    checkSketch(t, "motacilla serve --server.adr :80"),
		"no shell":                    checkSketch(t, "if then"),
	} {
		if wrong == nil {
			t.Errorf("%s: passed", name)
		}
	}
	if err := match("id: 1795478399370607 at 2025-11-23T09:26:40Z\n…\nend, ...", "id: 1795478399370699 at 2026-01-01T00:00:00.123456Z\nx\ny\nend, and more"); err != nil {
		t.Error(err)
	}
}
