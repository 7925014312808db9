package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/evanw/esbuild/pkg/api"
)

// outputs maps each output to its source. Paths are relative to page.
var outputs = map[string]string{
	"static/live.js":       "client/main.ts",
	"static/live-posts.js": "client/element.ts",
	"static/style.css":     "client/styles/page.css",
}

// bundle returns the ES module or style sheet of entry and all that it imports.
func bundle(entry string) ([]byte, error) {
	result := api.Build(api.BuildOptions{
		EntryPoints:       []string{entry},
		Bundle:            true,
		Format:            api.FormatESModule,
		Target:            api.ES2020,
		Charset:           api.CharsetUTF8,
		MinifySyntax:      true,
		MinifyWhitespace:  true,
		MinifyIdentifiers: true,
		LegalComments:     api.LegalCommentsNone,
		Plugins:           []api.Plugin{{Name: "sheets", Setup: sheets}},
	})
	if len(result.Errors) > 0 {
		lines := api.FormatMessages(result.Errors, api.FormatMessagesOptions{Kind: api.ErrorMessage})
		return nil, fmt.Errorf("bundle %s: %s", entry, strings.Join(lines, "\n"))
	}
	if len(result.OutputFiles) != 1 {
		return nil, errors.New("bundle " + entry + ": not one output")
	}
	return result.OutputFiles[0].Contents, nil
}

// sheets lets a script import a style sheet as text, bundled and minified.
func sheets(build api.PluginBuild) {
	build.OnResolve(api.OnResolveOptions{Filter: `\.css$`}, func(args api.OnResolveArgs) (api.OnResolveResult, error) {
		if args.Kind != api.ResolveJSImportStatement {
			return api.OnResolveResult{}, nil
		}
		return api.OnResolveResult{Path: filepath.Join(args.ResolveDir, args.Path), Namespace: "sheet"}, nil
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
