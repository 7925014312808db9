package jwt

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
)

// others runs a program of another implementation, and decodes what it prints.
func others(t *testing.T, into any, name string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(out, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// python returns a Python that has PyJWT: Debian's may not be the first one in the path.
func python(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"python3", "/usr/bin/python3"} {
		if exec.CommandContext(t.Context(), name, "-c", "import cryptography, jwt").Run() == nil {
			return name
		}
	}
	lacks(t, "this needs Python: apt-get install -y python3 python3-cryptography python3-jwt")
	return ""
}

func node(t *testing.T) string {
	t.Helper()
	name, err := exec.LookPath("node")
	if err != nil {
		lacks(t, "this needs Node.js: apt-get install -y nodejs")
	}
	return name
}

func lacks(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(what)
	}
	t.Skip(what)
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestPyJWT takes the tokens of PyJWT that are good, and refuses those that are not.
func TestPyJWT(t *testing.T) {
	var out struct {
		Tokens, Refused map[string]string
		PEM             []string
	}
	others(t, &out, python(t), "testdata/tokens.py", secret, asJSON(t, claims(nil)))
	a := made(t, &Options{Audience: []string{"live"}, Secret: secret, PublicKeys: out.PEM}, nil)
	if len(out.Tokens) != len(algorithms) || len(out.Refused) == 0 {
		t.Fatalf("%+v", out)
	}
	for algorithm, token := range out.Tokens {
		if s, err := a.Authenticate(t.Context(), bearer(token)); err != nil || s.Holder.Who != "jwt/42" {
			t.Errorf("%s: %+v, %v", algorithm, s, err)
		}
	}
	for name, token := range out.Refused {
		if s, err := a.Authenticate(t.Context(), bearer(token)); s != nil || !errors.Is(err, motacilla.ErrUnauthorized) {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
	}
}

// TestNode takes the tokens of Node.js by the set of keys that it exports.
func TestNode(t *testing.T) {
	var out struct {
		Tokens map[string]string
		Keys   []map[string]any
	}
	others(t, &out, node(t), "testdata/tokens.js", asJSON(t, claims(nil)))
	p := serveKeys(t, out.Keys)
	a := made(t, &Options{Audience: []string{"live"}, Issuer: "https://app.example.org", JWKS: p.URL}, p.client)
	if len(out.Tokens) != 3 {
		t.Fatalf("%+v", out)
	}
	for algorithm, token := range out.Tokens {
		if s, err := a.Authenticate(t.Context(), bearer(token)); err != nil || s.Holder.Who != "jwt/42" {
			t.Errorf("%s: %+v, %v", algorithm, s, err)
		}
	}
}

// fragment returns the block of the guide that is in a language.
func fragment(t *testing.T, language string) string {
	t.Helper()
	guide, err := os.ReadFile("../../docs/jwt.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(guide), "```"+language+"\n")
	code, _, ok := strings.Cut(rest, "```")
	if !ok {
		t.Fatalf("the guide has no block in %q", language)
	}
	return code
}

// TestGuide signs tokens as the guide says.
func TestGuide(t *testing.T) {
	t.Setenv("LIVE_SECRET", secret)
	a := made(t, options(), nil)
	for language, run := range map[string][]string{
		"python": {python(t), "-c", fragment(t, "python") + `
import json
print(json.dumps(live_token(42, "Anna", ["final"])))`},
		"js": {node(t), "-e", fragment(t, "js") + `
console.log(JSON.stringify(liveToken(42, "Anna", ["final"])))`},
	} {
		var token string
		others(t, &token, run[0], run[1:]...)
		s, err := a.Authenticate(t.Context(), bearer(token))
		if err != nil || s.Holder.Who != "jwt/42" || s.Holder.Name != "Anna" || !slices.Equal(s.Rights[0].Channels, []string{"final"}) {
			t.Errorf("%s: %+v, %v", language, s, err)
		}
	}
}
