package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/evanw/esbuild/pkg/api"
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
		code, err := bundle(entry)
		if err != nil {
			return nil, err
		}
		files[output] = code
	}
	modules, err := library(packedEntries)
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

// bundle returns the ES module or style sheet of entry and all that it imports, minified.
func bundle(entry string) ([]byte, error) {
	o := options(entry)
	o.MinifySyntax, o.MinifyWhitespace, o.MinifyIdentifiers = true, true, true
	files, err := run(o)
	if err != nil {
		return nil, err
	}
	if len(files) != 1 {
		return nil, fmt.Errorf("bundle %s: not one output", entry)
	}
	return files[0].Contents, nil
}

// library returns the ES modules of entries, by name. What they share is in shared.js, so that an app that imports several
// has it once. They are not minified: the app's bundler does that, and a reader can debug them.
func library(entries []string) (map[string][]byte, error) {
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
		Plugins:       []api.Plugin{{Name: "sheets", Setup: sheets}},
	}
}

func run(o api.BuildOptions) ([]api.OutputFile, error) {
	result := api.Build(o)
	if len(result.Errors) > 0 {
		lines := api.FormatMessages(result.Errors, api.FormatMessagesOptions{Kind: api.ErrorMessage})
		return nil, fmt.Errorf("bundle %s: %s", strings.Join(o.EntryPoints, ", "), strings.Join(lines, "\n"))
	}
	return result.OutputFiles, nil
}

// sheets lets a script import a style sheet as text, bundled and minified.
func sheets(build api.PluginBuild) {
	build.OnResolve(api.OnResolveOptions{Filter: `\.css$`}, func(args api.OnResolveArgs) (api.OnResolveResult, error) {
		if args.Kind != api.ResolveJSImportStatement {
			return api.OnResolveResult{}, nil
		}
		sheet, err := sheetPath(args.ResolveDir, args.Path)
		return api.OnResolveResult{Path: sheet, Namespace: "sheet"}, err
	})
	build.OnLoad(api.OnLoadOptions{Filter: ".*", Namespace: "sheet"}, func(args api.OnLoadArgs) (api.OnLoadResult, error) {
		css, err := bundle(args.Path)
		if err != nil {
			return api.OnLoadResult{}, err
		}
		text := strings.TrimSpace(string(css))
		return api.OnLoadResult{Contents: &text, Loader: api.LoaderText}, nil
	})
}

// sheetPath returns the path of an imported style sheet from the working directory on. A module that is not minified names
// it in a comment, which must not depend on where the source is.
func sheetPath(dir, name string) (string, error) {
	here, err := filepath.Abs(".")
	if err != nil {
		return "", err
	}
	sheet, err := filepath.Rel(here, filepath.Join(dir, name))
	return filepath.ToSlash(sheet), err
}
