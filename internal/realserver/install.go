package realserver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"time"
)

// installed returns the path of a program of the Go module proxy. It builds the program if this user does not have it yet.
func installed(pkg, version string) (string, error) {
	name := path.Base(major.ReplaceAllString(pkg, ""))
	return once(name+"-"+version, func(ctx context.Context, dir string) (*exec.Cmd, error) {
		cmd := exec.CommandContext(ctx, "go", "install", pkg+"@"+version)
		cmd.Env = []string{"GOBIN=" + dir}
		return cmd, nil
	}, name)
}

// built returns the path of a program like installed, if the proxy does not tell the list of versions that go install asks for. pkg is
// the program's package in module. flags are for go build.
func built(name, module, version, pkg string, flags ...string) (string, error) {
	return once(name+"-"+version, func(ctx context.Context, dir string) (*exec.Cmd, error) {
		text := fmt.Sprintf("module build.invalid\n\ngo 1.26.0\n\nrequire %s %s\n", module, version)
		args := append([]string{"build", "-mod=mod", "-ldflags=-s -w", "-o", name}, flags...)
		return exec.CommandContext(ctx, "go", append(args, pkg)...), os.WriteFile(filepath.Join(dir, "go.mod"), []byte(text), 0o600)
	}, name)
}

// once returns the path of the program name. If this user does not have it yet, the command that build returns makes it, as a file of an
// empty folder.
func once(name string, build func(ctx context.Context, dir string) (*exec.Cmd, error), file string) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	all := filepath.Join(cache, "motacilla-tests")
	bin := filepath.Join(all, name)
	if _, err := os.Stat(bin); err == nil {
		return bin, nil
	}
	if err := os.MkdirAll(all, 0o700); err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp(all, "building")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := persist(func(ctx context.Context) (*exec.Cmd, error) {
		cmd, err := build(ctx, dir)
		if err == nil {
			cmd.Dir = dir
			cmd.Env = append(append(os.Environ(), "CGO_ENABLED=0"), cmd.Env...)
		}
		return cmd, err
	}); err != nil {
		return "", fmt.Errorf("build %s: %w", name, err)
	}
	return bin, os.Rename(filepath.Join(dir, file), bin) // atomic: another test may build it too
}

// persist runs a command that downloads, again if it fails: a registry may not answer once. The commands keep what they have got.
func persist(command func(ctx context.Context) (*exec.Cmd, error)) error {
	ctx, cancel := context.WithTimeout(context.Background(), downloading)
	defer cancel()
	for attempt := 1; ; attempt++ {
		cmd, err := command(ctx)
		if err != nil {
			return err
		}
		out, err := cmd.CombinedOutput()
		if err == nil {
			return nil
		}
		if attempt == attempts || ctx.Err() != nil {
			return fmt.Errorf("%w: %.2000s", errors.Join(err, ctx.Err()), out)
		}
		time.Sleep(time.Duration(attempt) * 5 * time.Second)
	}
}

const (
	downloading = 25 * time.Minute // for all attempts, with what has to be compiled, on a busy machine
	attempts    = 3
)

// major is the last part of a module's path from its second major version on. The program's name does not have it.
var major = regexp.MustCompile(`/v[0-9]+$`)
