package main

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla/app"
)

const someConfig = `
server:
  origins: [https://www.example.org]
  token: quite-secret
page: {name: "2026"}
storage: {type: memory}
publishers:
  - {type: long-polling, hold: 10s}
  - {type: sse}
`

// call runs the program in the test's process.
func call(args ...string) (code int, out, errs string) {
	var o, e bytes.Buffer
	code = run(args, strings.NewReader(""), &o, &e)
	return code, o.String(), e.String()
}

func TestConfig(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("motacilla.yaml", []byte(someConfig), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("MOTACILLA_PAGE_SIZE", "25")
	flags := []string{"--server.addr", ":9000"}
	code, out, errs := call(append([]string{"config"}, flags...)...)
	if code != 0 || errs != "Configuration file: motacilla.yaml\n" {
		t.Errorf("config = %d, %s", code, errs)
	}
	for _, want := range []string{
		"server.addr\t:9000\tflag --server.addr\n", "server.token\t********\tfile motacilla.yaml\n",
		"page.size\t25\tenvironment MOTACILLA_PAGE_SIZE\n", "storage.type\tmemory\tfile motacilla.yaml\n",
		"publishers[0].hold\t10s\tfile motacilla.yaml\n", "feed.stall\t15s\tdefault\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("config lacks %q:\n%s", want, out)
		}
	}
	for _, form := range []string{"json", "yaml"} {
		code, out, errs = call(append([]string{"config", "-o", form}, flags...)...)
		if code != 0 || errs != "" || strings.Contains(out, "quite-secret") {
			t.Errorf("config -o %s = %d, %s%s", form, code, errs, out)
		}
		if form == "json" {
			checkConfigJSON(t, out)
		} else {
			checkConfigYAML(t, out)
		}
	}
}

func checkConfigJSON(t *testing.T, out string) {
	t.Helper()
	var answer configAnswer
	if err := json.Unmarshal([]byte(out), &answer); err != nil || answer.File == nil || *answer.File != "motacilla.yaml" {
		t.Fatalf("%v: %s", err, out)
	}
	got := map[string]any{}
	for _, v := range answer.Values {
		got[v.Key] = v.Value
	}
	if got["page.size"] != 25.0 || got["page.name"] != "2026" || got["server.trusted_proxies"] == nil ||
		got["publishers[0].goroutine_per_connection"] != false || got["feed.stall"] != "15s" {
		t.Errorf("values are %v", got)
	}
}

// checkConfigYAML reads the printed file as a configuration. It must say the same, except for the secret.
func checkConfigYAML(t *testing.T, out string) {
	t.Helper()
	t.Setenv("MOTACILLA_PAGE_SIZE", "")
	schema := func(in app.Input) *app.Config {
		c, err := load(in)
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return c
	}
	again := schema(app.Input{YAML: []byte(out), Env: []string{}})
	first := schema(app.Input{YAML: []byte(someConfig), Env: []string{}, Flags: map[string]string{"server.addr": ":9000", "page.size": "25"}})
	if len(again.Values) != len(first.Values) {
		t.Fatalf("%d values of %d\n%s", len(again.Values), len(first.Values), out)
	}
	for i, v := range again.Values {
		if w := first.Values[i]; v.Key != w.Key || v.Value != w.Value && !v.Secret {
			t.Errorf("%s is %q, was %s %q", v.Key, v.Value, w.Key, w.Value)
		}
	}
}

// config and serve report the same errors.
func TestConfigErrors(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, args := range [][]string{
		{"--config", "none.yaml"}, {"--page.size", "x"}, {"--storage.type", "paper"}, {"--server.adr", "x"}, {"--sever.addr=x"},
		{"--publishers", "pigeon"}, {"-server.addr", "x"},
	} {
		configCode, _, configErr := call(append([]string{"config"}, args...)...)
		serveCode, _, serveErr := call(append([]string{"serve"}, args...)...)
		if configCode == 0 || configCode != serveCode || strings.ReplaceAll(configErr, "motacilla config", "motacilla serve") != serveErr {
			t.Errorf("%q: config = %d, %sserve = %d, %s", args, configCode, configErr, serveCode, serveErr)
		}
	}
	if code, out, errs := call("config"); code != 0 || !strings.Contains(errs, "No configuration file") || out == "" {
		t.Errorf("without a file: %d, %s", code, errs)
	}
	if code, _, errs := call("config", "kyes"); code != 2 || !strings.Contains(errs, "did you mean keys?") {
		t.Errorf("kyes: %d, %s", code, errs)
	}
	code, out, _ := call("config", "keys")
	if code != 0 || !strings.Contains(out, "server.limits.readers\tMOTACILLA_SERVER_LIMITS_READERS\t\treaders at a time") {
		t.Errorf("keys = %d\n%s", code, out)
	}
	var keys struct {
		Keys []struct{ Key, Environment string }
	}
	code, out, _ = call("config", "keys", "-o", "json")
	if err := json.Unmarshal([]byte(out), &keys); code != 0 || err != nil || keys.Keys[0].Environment != "MOTACILLA_SERVER_ADDR" {
		t.Errorf("keys -o json = %d (%v)\n%s", code, err, out)
	}
}

func noFile() app.Input { return app.Input{YAML: []byte{}, Env: []string{}} }
