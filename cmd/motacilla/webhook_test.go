package main

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
)

const documentsOfWebhooks = "../../receiver/webhook/testdata/"

func TestWebhookTry(t *testing.T) {
	code, said, errs := call("webhook", "try", documentsOfWebhooks+"github-releases.edited.json", "--preset", "github-releases",
		"--channel", "news")
	want := "$\tnews\trelease-17372790\tannbird\tkey event\t" +
		`<a href="https://github.com/wagtails/field-notes/releases/tag/v1.4.0" rel="nofollow noopener">` +
		"<b>wagtails/field-notes Spring passage</b></a> <p>Counts by hour.</p>\n"
	if code != 0 || said != want || !strings.Contains(errs, "The header X-GitHub-Event: release is assumed") {
		t.Errorf("%d\n%s\n%s", code, said, errs)
	}
	code, said, errs = call("webhook", "try", documentsOfWebhooks+"github-releases.ping.json", "--preset", "github-releases",
		"--channel", "news", "--header", "X-GitHub-Event: ping")
	if code != 0 || !strings.HasPrefix(said, "$\t\t\t\tignored\tevents does not have \"ping\"") || errs != "" {
		t.Errorf("%d\n%s\n%s", code, said, errs)
	}
	code, said, errs = call("webhook", "try", documentsOfWebhooks+"alertmanager.firing.json", "--preset", "alertmanager",
		"--channel", "incidents", "--output", "json")
	var answer struct {
		Posts []struct {
			Part      string
			Ignored   *string
			Channel   string
			MessageID string `json:"message_id"`
			Version   int
			KeyEvent  bool `json:"key_event"`
			Created   string
			Content   []struct{ Value struct{ Text string } }
		}
	}
	if err := json.Unmarshal([]byte(said), &answer); code != 0 || err != nil || len(answer.Posts) != 2 {
		t.Fatalf("%d, %v\n%s\n%s", code, err, said, errs)
	}
	if p := answer.Posts[0]; p.Part != "$['alerts'][0]" || p.Ignored != nil || p.Channel != "incidents" || p.Version != 1 || !p.KeyEvent ||
		p.Created != "2026-02-06T13:08:45.828Z" || len(p.Content) != 2 || p.Content[0].Value.Text != "<b>The shop does not answer</b>" {
		t.Errorf("%+v", p)
	}
}

// A mapping in a file, and a document from the standard input.
func TestWebhookTryMapping(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("mapping.yaml", []byte("channel: '{{.c}}'\nauthor: \"{{.who}}\"\ntext: |\n  {{.text}}\nimage: [\"@.photo\"]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	try := func(document string) (int, string, string) {
		var out, errs strings.Builder
		code := run([]string{"webhook", "try", "-", "--mapping", "mapping.yaml"}, strings.NewReader(document), &out, &errs)
		return code, out.String(), errs.String()
	}
	code, said, errs := try(`{"c":"match-42","who":"Ann","text":"<b>Goal</b>","photo":"https://e.example/x.png"}`)
	if code != 0 || !strings.Contains(said, "\tAnn\t\t&lt;b&gt;Goal&lt;/b&gt; [image https://e.example/x.png]\n") {
		t.Errorf("%d\n%s\n%s", code, said, errs)
	}
	code, said, errs = try(`{"c":"match-42","text":"Goal"}`)
	if code != 1 || said != "" || errs != "motacilla: -: author: <.who> at line 1, column 3 is not in the document, in $ of the document\n" {
		t.Errorf("%d\n%s\n%s", code, said, errs)
	}
}

// The mapping of a webhook in the configuration.
func TestWebhookTryConfigured(t *testing.T) {
	schema, err := allKeys()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(schema.Types("receivers"), "webhook") {
		t.Fatal("this program has no receiver of the type webhook")
	}
	t.Chdir(t.TempDir())
	const config = `receivers:
  - {type: webapp}
  - {type: webhook, name: board, preset: scoreboard, secrets: [a long secret], text: "{{.clock}}!"}
  - {type: webhook, name: alerts, preset: alertmanager, secrets: [a long secret], channel: incidents}
`
	if err := os.WriteFile("motacilla.yaml", []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	document := `{"channel":"match-42","home":"A","away":"B","home_score":1,"away_score":0,"clock":"12"}`
	if err := os.WriteFile("score.json", []byte(document), 0o600); err != nil {
		t.Fatal(err)
	}
	code, said, errs := call("webhook", "try", "score.json", "--name", "board")
	if code != 0 || said != "$\tmatch-42\tscore\t\tpinned\t<b>A 1–0 B</b> 12!\n" {
		t.Errorf("%d\n%s\n%s", code, said, errs)
	}
	for args, want := range map[string]string{
		"score.json":               "several webhooks: board, alerts; choose one with --name",
		"score.json --name boards": `no webhook "boards"; there are: board, alerts`,
	} {
		if code, _, errs := call(append([]string{"webhook", "try"}, strings.Fields(args)...)...); code != 2 || !strings.Contains(errs, want) {
			t.Errorf("%s: %d, %s", args, code, errs)
		}
	}
}

func TestWebhookErrors(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("wrong.yaml", []byte("chanel: x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("text.yaml", []byte("channel: x\ntext: |\n  a\n  {{shout .b}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args string
		code int
		err  string
	}{
		{"try", 2, "FILE is missing"},
		{"try x.json", 2, "the configuration has no webhook"},
		{"try x.json --preset github", 2, "known: alertmanager"},
		{"try x.json --preset alertmanager", 2, "give one with --channel"},
		{"try x.json --preset alertmanager --channel a/b", 2, "--channel: "},
		{"try x.json --preset alertmanager --channel c", 1, "no such file"},
		{"try x.json --preset alertmanager --name c", 2, "preset"},
		{"try x.json --preset scoreboard --header x", 2, "must be NAME: VALUE"},
		{"try x.json --mapping wrong.yaml", 1, "wrong.yaml: chanel: is no option of a webhook"},
		{"try x.json --mapping text.yaml", 1, `text.yaml: text: line 2, column 3: function "shout" not defined`},
		{"presets x", 2, "known: alertmanager"},
	} {
		code, _, errs := call(append([]string{"webhook"}, strings.Fields(tt.args)...)...)
		if code != tt.code || !strings.Contains(errs, tt.err) {
			t.Errorf("motacilla webhook %s = %d, %s; want %d, %q", tt.args, code, errs, tt.code, tt.err)
		}
	}
}

// What is printed as a preset is a mapping that can be tried.
func TestWebhookPresets(t *testing.T) {
	code, said, errs := call("webhook", "presets")
	if code != 0 || strings.Count(said, "\n") < 6 || !strings.Contains(said, "github-releases\tReleases of a GitHub repository") {
		t.Fatalf("%d\n%s\n%s", code, said, errs)
	}
	t.Chdir(t.TempDir())
	document := []byte(`{}`)
	if err := os.WriteFile("x.json", document, 0o600); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(said) {
		name, _, _ := strings.Cut(line, "\t")
		code, text, errs := call("webhook", "presets", name)
		if err := os.WriteFile("mapping.yaml", []byte(text), 0o600); code != 0 || err != nil {
			t.Fatal(code, errs, err)
		}
		if _, _, errs := call("webhook", "try", "x.json", "--mapping", "mapping.yaml", "--channel", "c"); strings.Contains(errs, "mapping.yaml") {
			t.Errorf("%s: %s", name, errs)
		}
	}
}
