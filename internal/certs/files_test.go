package certs

import (
	"crypto/tls"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// pair is a certificate and its key in files.
type pair struct {
	authority *authorityOfTest
	cert, key string
}

func newPair(t *testing.T) *pair {
	t.Helper()
	dir := t.TempDir()
	p := &pair{authority: newAuthorityOfTest(t, 90*day), cert: filepath.Join(dir, "cert.pem"), key: filepath.Join(dir, "key.pem")}
	p.renew(t)
	return p
}

func (p *pair) renew(t *testing.T) {
	t.Helper()
	chain, key := p.authority.make("live.example.org")
	p.write(t, p.cert, string(chain))
	p.write(t, p.key, string(key))
}

func (p *pair) write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func inUse(t *testing.T, table *Table) *tls.Certificate {
	t.Helper()
	cert, err := table.Certificate("live.example.org")
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// TestFilesChange: new files are used. What can't be used changes nothing, and is logged once.
func TestFilesChange(t *testing.T) {
	p, table, failed := newPair(t), NewTable(), 0
	log, seen := logs(zapcore.WarnLevel)
	f, err := NewFiles(p.cert, p.key, table, log, func() { failed++ })
	if err != nil {
		t.Fatal(err)
	}
	old := inUse(t, table)
	for _, step := range []struct {
		name   string
		change func()
		errors int // in all
		used   bool
	}{
		{"nothing", func() {}, 0, false},
		{"rubbish", func() { p.write(t, p.cert, "rubbish") }, 1, false},
		{"rubbish still", func() {}, 1, false},
		{"no key", func() { _ = os.Remove(p.key) }, 2, false},
		{"no key still", func() {}, 2, false},
		{"new pair", func() { p.renew(t) }, 2, true},
		{"half of a new pair", func() {
			chain, _ := p.authority.make("live.example.org")
			p.write(t, p.cert, string(chain))
		}, 3, false},
		{"whole new pair", func() { p.renew(t) }, 3, true},
	} {
		step.change()
		f.Look()
		now := inUse(t, table)
		if (now != old) != step.used || seen.Len() != step.errors || failed != step.errors {
			t.Errorf("%s: new %t, %d errors, want %t, %d", step.name, now != old, seen.Len(), step.used, step.errors)
		}
		old = now
	}
	for _, entry := range seen.All() {
		if text := entry.ContextMap()["error"].(string); !strings.Contains(text, "server.tls.") || strings.Contains(text, "PRIVATE") && !strings.Contains(text, "BEGIN") {
			t.Errorf("logged %s", text)
		}
	}
}

func TestFilesAreLookedAt(t *testing.T) {
	p := newPair(t)
	synctest.Test(t, func(t *testing.T) {
		table := NewTable()
		f, err := NewFiles(p.cert, p.key, table, zap.NewNop(), nil)
		if err != nil {
			t.Fatal(err)
		}
		go f.Run(t.Context())
		old := inUse(t, table)
		p.renew(t)
		time.Sleep(lookEvery + time.Millisecond)
		synctest.Wait()
		if inUse(t, table) == old {
			t.Error("the new certificate is not used")
		}
	})
}

func TestFilesAtStart(t *testing.T) {
	p, other := newPair(t), newPair(t)
	none := filepath.Join(t.TempDir(), "none.pem")
	for _, tt := range []struct{ cert, key, want string }{
		{none, p.key, "server.tls.cert: open " + none},
		{p.cert, none, "server.tls.key: open " + none},
		{p.key, p.key, "server.tls.cert: " + p.key + " must have a certificate"},
		{p.cert, p.cert, "server.tls.key: " + p.cert + " must have a private key"},
		{p.cert, other.key, "server.tls.cert and server.tls.key: "},
	} {
		table := NewTable()
		if _, err := NewFiles(tt.cert, tt.key, table, zap.NewNop(), nil); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%v, want %s", err, tt.want)
		}
		if len(table.All()) > 0 {
			t.Errorf("%s is used", tt.cert)
		}
	}
}

func TestFilesWarn(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // its files have no such mode
	}
	p := newPair(t)
	for mode, want := range map[os.FileMode]int{0o600: 0, 0o640: 0, 0o644: 1} {
		if err := os.Chmod(p.key, mode); err != nil {
			t.Fatal(err)
		}
		log, seen := logs(zapcore.WarnLevel)
		if _, err := NewFiles(p.cert, p.key, NewTable(), log, nil); err != nil || seen.Len() != want {
			t.Errorf("mode %v: %v, %d warnings", mode, err, seen.Len())
		}
	}
	p.authority.life = -time.Hour
	p.renew(t)
	if err := os.Chmod(p.key, 0o600); err != nil {
		t.Fatal(err)
	}
	log, seen := logs(zapcore.WarnLevel)
	if _, err := NewFiles(p.cert, p.key, NewTable(), log, nil); err != nil || seen.FilterMessage("the certificate has expired").Len() != 1 {
		t.Errorf("an expired certificate: %v, %v", err, seen.All())
	}
}
