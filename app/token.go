package app

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Token is the secret that permits writing, and reading private channels.
type Token struct {
	Secret string
	File   string // where it is kept; "" if it is configured or only in memory
}

// TokenFile is the name of the file that keeps the token if the configuration gives none. It is in the store's directory.
const TokenFile = "motacilla.token"

// TokenPath returns where the token is kept if the configuration gives none: in the directory of the store's file, which
// is the store's option "path". It returns "" if the store has no file.
func (c *Config) TokenPath() string {
	fields, err := fieldsOf(c.Storage.Options)
	if err != nil {
		return ""
	}
	for _, f := range fields {
		path := f.String()
		if f.key == "path" && path != "" && !strings.HasPrefix(path, ":memory:") {
			return filepath.Join(filepath.Dir(path), TokenFile)
		}
	}
	return ""
}

func newToken(c *Config) (*Token, error) { return loadToken(c, os.Stderr) }

// loadToken returns the configured token, else the kept token, else a new token. It writes a new token to tell.
func loadToken(c *Config, tell io.Writer) (*Token, error) {
	if c.Server.Token != "" {
		return &Token{Secret: c.Server.Token}, nil
	}
	path := c.TokenPath()
	if path == "" {
		t := &Token{Secret: rand.Text()}
		fmt.Fprintf(tell, "The token for writing, for as long as this process runs: %s\n", t.Secret)
		return t, nil
	}
	kept, err := keptToken(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return kept, err
	}
	t := &Token{Secret: rand.Text(), File: path}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) { // another process made it first, or it is a link to a file that is not there
		return keptToken(path)
	}
	if err != nil {
		return nil, fmt.Errorf("keep the token: %w; set server.token to configure one", err)
	}
	_, err = f.WriteString(t.Secret + "\n")
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("keep the token: %w", errors.Join(err, os.Remove(path)))
	}
	fmt.Fprintf(tell, "The token for writing, kept in %s: %s\n", path, t.Secret)
	return t, nil
}

func keptToken(path string) (*Token, error) {
	secret, err := ReadToken(path)
	if err != nil {
		return nil, err
	}
	return &Token{Secret: secret, File: path}, nil
}

// ReadToken reads a token from the file that keeps it. An empty file is an error. If there is no file, the error wraps
// fs.ErrNotExist.
func ReadToken(path string) (string, error) {
	body, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read the token: %w", err)
	}
	secret := strings.TrimSpace(string(body))
	if secret == "" {
		return "", fmt.Errorf("read the token: %s is empty; remove it, and the next start makes a new one", path)
	}
	return secret, nil
}
