// Package bundle makes modules and style sheets for browsers of TypeScript and CSS. The commands that go generate runs use it.
package bundle

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/evanw/esbuild/pkg/api"
)

// File returns the ES module or style sheet of entry and all that it imports, minified.
func File(entry string) ([]byte, error) {
	files, err := run(minified(options(entry)))
	if err != nil {
		return nil, err
	}
	if len(files) != 1 {
		return nil, fmt.Errorf("bundle %s: not one output", entry)
	}
	return files[0].Contents, nil
}

// Library returns the ES modules of entries, by name. What they share is in shared.js, so that an app that imports several
// has it once. They are not minified: the app's bundler does that, and a reader can debug them.
func Library(entries []string) (map[string][]byte, error) {
	o := options(entries...)
	o.Splitting, o.ChunkNames, o.Outdir = true, "shared", "."
	files, err := run(o)
	if err != nil {
		return nil, err
	}
	modules := map[string][]byte{}
	for _, file := range files {
		name := filepath.Base(file.Path)
		if _, twice := modules[name]; twice {
			return nil, fmt.Errorf("bundle %s: more than one %s", strings.Join(entries, ", "), name)
		}
		modules[name] = file.Contents
	}
	return modules, nil
}

func options(entries ...string) api.BuildOptions {
	return api.BuildOptions{
		EntryPoints:   entries,
		Bundle:        true,
		Format:        api.FormatESModule,
		Target:        api.ES2020,
		Charset:       api.CharsetUTF8,
		LegalComments: api.LegalCommentsNone,
		Plugins:       []api.Plugin{sheets(func(string) bool { return true })},
	}
}

func minified(o api.BuildOptions) api.BuildOptions {
	o.MinifySyntax, o.MinifyWhitespace, o.MinifyIdentifiers = true, true, true
	return o
}

func run(o api.BuildOptions) ([]api.OutputFile, error) {
	result, err := build(o)
	return result.OutputFiles, err
}

func build(o api.BuildOptions) (api.BuildResult, error) {
	result := api.Build(o)
	if len(result.Errors) > 0 {
		lines := api.FormatMessages(result.Errors, api.FormatMessagesOptions{Kind: api.ErrorMessage})
		return result, fmt.Errorf("bundle %s: %s", strings.Join(o.EntryPoints, ", "), strings.Join(lines, "\n"))
	}
	return result, nil
}
