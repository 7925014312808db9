package main

import (
	"os"
	"path/filepath"

	"github.com/motacilla-live/motacilla/internal/bundle"
)

// served maps each file that the server has to its source. Paths are relative to page.
var served = map[string]string{
	"static/live.js":       "client/main.ts",
	"static/live-posts.js": "client/live-posts.ts",
	"static/passkey.js":    "client/passkey.ts",
	"static/style.css":     "client/styles/page.css",
}

// The npm package has modules of its own, made from the same source, and the same types of what they share.
const packed = "../packages/client"

var packedEntries = []string{"client/npm/index.ts", "client/npm/element.ts"}

var packedTypes = map[string]string{"types.d.ts": "static/types.d.ts", "element.d.ts": "static/live-posts.d.ts"}

// outputs returns the content of all files that are made, by path.
func outputs() (map[string][]byte, error) {
	files := map[string][]byte{}
	for output, entry := range served {
		code, err := bundle.File(entry)
		if err != nil {
			return nil, err
		}
		files[output] = code
	}
	modules, err := bundle.Library(packedEntries)
	if err != nil {
		return nil, err
	}
	for name, code := range modules {
		files[filepath.Join(packed, name)] = code
	}
	for name, source := range packedTypes {
		if files[filepath.Join(packed, name)], err = os.ReadFile(source); err != nil {
			return nil, err
		}
	}
	return files, nil
}
