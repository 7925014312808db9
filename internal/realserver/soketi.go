package realserver

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

// The app of every Soketi.
const (
	SoketiApp    = "motacilla-app"
	SoketiKey    = "motacilla-key"
	SoketiSecret = "motacilla-secret"
)

// soketi has what npm installs, and how it is run.
//
//go:embed soketi
var soketi embed.FS

// Soketi is a server of Pusher's protocol, with the app of this package.
type Soketi struct {
	processes
	Addr   string // host and port, for publishers and readers
	Folder string // of a package that has Soketi and Pusher's own libraries for Node.js, pusher and pusher-js
}

// NewSoketi starts a Soketi, which is killed when the test ends. It comes from the npm registry, once for this machine's user.
func NewSoketi(t testing.TB) *Soketi {
	t.Helper()
	folder, err := installedPackage(soketi, "soketi")
	if err != nil {
		missing(t, fmt.Sprintf("soketi (%v)", err), "nodejs npm")
	}
	s := &Soketi{Folder: folder}
	var port int
	s.command = func() *exec.Cmd {
		cmd := exec.CommandContext(context.Background(), "node", "main.js",
			strconv.Itoa(port), strconv.Itoa(port+10_000), SoketiApp, SoketiKey, SoketiSecret)
		cmd.Dir = folder
		return cmd
	}
	s.ready = func() error { return accepts(s.Addr) }
	s.first(t, func() error {
		port = FreePort(t)
		s.Addr = address(port)
		return nil
	})
	return s
}

// installedPackage returns the folder of an npm package, with what it depends on. It installs the package if this user does
// not have it yet.
func installedPackage(files fs.FS, name string) (string, error) {
	sum := sha256.New()
	files, err := fs.Sub(files, name)
	if err != nil {
		return "", err
	}
	if err := fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(files, path)
		fmt.Fprintf(sum, "%s %d\n%s", path, len(content), content)
		return err
	}); err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	folder := filepath.Join(cache, "motacilla-tests", name+"-"+hex.EncodeToString(sum.Sum(nil)[:8]))
	if _, err := os.Stat(folder); err == nil {
		return folder, nil
	}
	if err := os.MkdirAll(filepath.Dir(folder), 0o700); err != nil {
		return "", err
	}
	building, err := os.MkdirTemp(filepath.Dir(folder), "building")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(building) }()
	if err := os.CopyFS(building, files); err != nil {
		return "", err
	}
	if err := persist(func(ctx context.Context) (*exec.Cmd, error) {
		cmd := exec.CommandContext(ctx, "npm", "ci", "--omit=optional", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline",
			"--loglevel=error")
		cmd.Dir = building
		return cmd, nil
	}); err != nil {
		return "", fmt.Errorf("npm ci: %w", err)
	}
	if err := os.Rename(building, folder); err != nil {
		if _, late := os.Stat(folder); late != nil { // unless another test has installed it meanwhile
			return "", err
		}
	}
	return folder, nil
}
