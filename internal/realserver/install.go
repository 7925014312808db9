package realserver

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"time"
)

// installed returns the path of a program of the Go module proxy. It builds the program if this user does not have it yet.
func installed(pkg, version string) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "motacilla-tests")
	name := path.Base(pkg)
	bin := filepath.Join(dir, name+"-"+version)
	if _, err := os.Stat(bin); err == nil {
		return bin, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	building, err := os.MkdirTemp(dir, "building")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(building) }()
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "install", pkg+"@"+version)
	cmd.Dir = building
	cmd.Env = append(os.Environ(), "GOBIN="+building, "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go install: %w: %.2000s", err, out)
	}
	return bin, os.Rename(filepath.Join(building, name), bin) // atomic: another test may build it too
}
