package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSecretsInFiles: a secret may be in a file. What prints the configuration does not read it.
func TestSecretsInFiles(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "token")
	if err := os.WriteFile(path, []byte("in the file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(dir, "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	load := func(path string) (*Config, error) {
		c, err := optionalSchema(t).Load(Input{
			YAML: []byte("server: {token: 'file:" + path + "'}\nreceivers: [{type: telegram, token: 'file:" + path + "'}]"), Env: []string{},
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range c.Values {
			if v.Secret && v.Raw != "" && v.Value != mask {
				t.Errorf("%s shows %q", v.Key, v.Value)
			}
		}
		return c, c.readSecrets()
	}
	c, err := load(path)
	if err != nil || c.Server.Token != "in the file" || c.Receivers[0].Options.(*bot).Token != "in the file" {
		t.Errorf("%+v, %v", c, err)
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "none"): "no such file",
		empty:                      "receivers[0].token: the file " + empty + " is empty",
	} {
		if _, err := load(path); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "server.token: ") {
			t.Errorf("%s: %v, want %s", path, err, want)
		}
	}
}
