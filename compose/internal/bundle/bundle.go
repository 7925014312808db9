package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/motacilla-live/motacilla/internal/bundle"
)

// install installs the libraries in client, unless those of package-lock.json are there.
func install(ctx context.Context) error {
	wanted, err := os.Stat("client/package-lock.json")
	if err != nil {
		return err
	}
	if has, err := os.Stat("client/node_modules/.package-lock.json"); err == nil && has.ModTime().After(wanted.ModTime()) {
		return nil
	}
	npm := exec.CommandContext(ctx, "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline", "--loglevel=error")
	npm.Dir = "client"
	if out, err := npm.CombinedOutput(); err != nil {
		return fmt.Errorf("npm ci in compose/client: %w\n%s", err, out)
	}
	return nil
}

// notice is the first line of the script.
const notice = "/* It has parts of other projects. Their licences are in LICENSES.txt, in the folder of this file. */\n"

// outputs returns the content of all files that are made, by path.
func outputs() (map[string][]byte, error) {
	p, err := bundle.NewProgram("client/main.tsx")
	if err != nil {
		return nil, err
	}
	licences, err := licencesOf(p.Packages)
	script := append([]byte(notice), p.Script...)
	return map[string][]byte{"static/desk.js": script, "static/desk.css": p.Styles, "static/LICENSES.txt": licences}, err
}

// licencesOf returns the licences of packages, each with its text: they demand that copies have it.
func licencesOf(packages []string) ([]byte, error) {
	out := bytes.NewBufferString("The desk's program has parts of these packages.\n")
	for _, folder := range packages {
		text, err := os.ReadFile(filepath.Join(folder, "package.json"))
		if err != nil {
			return nil, err
		}
		var about struct{ Name, Version, License string }
		if err := json.Unmarshal(text, &about); err != nil {
			return nil, fmt.Errorf("%s: %w", folder, err)
		}
		found, err := filepath.Glob(filepath.Join(folder, "LICEN[CS]E*"))
		if err != nil || len(found) != 1 {
			return nil, fmt.Errorf("%s: its licence is not one file: %q", folder, found)
		}
		if text, err = os.ReadFile(found[0]); err != nil {
			return nil, err
		}
		fmt.Fprintf(out, "\n%s\n%s %s (%s)\n\n%s\n", strings.Repeat("-", 72), about.Name, about.Version, about.License,
			strings.TrimSpace(strings.ReplaceAll(string(text), "\r\n", "\n")))
	}
	return out.Bytes(), nil
}
