package bundle

import (
	"path/filepath"
	"strings"

	"github.com/evanw/esbuild/pkg/api"
)

// sheets lets a script import a style sheet as text, bundled and minified. as says in which folders scripts do so; elsewhere the
// sheet is part of the program's own.
func sheets(as func(folder string) bool) api.Plugin {
	return api.Plugin{Name: "sheets", Setup: func(build api.PluginBuild) {
		build.OnResolve(api.OnResolveOptions{Filter: `\.css$`}, func(args api.OnResolveArgs) (api.OnResolveResult, error) {
			if args.Kind != api.ResolveJSImportStatement || !as(args.ResolveDir) {
				return api.OnResolveResult{}, nil
			}
			sheet, err := sheetPath(args.ResolveDir, args.Path)
			return api.OnResolveResult{Path: sheet, Namespace: "sheet"}, err
		})
		build.OnLoad(api.OnLoadOptions{Filter: ".*", Namespace: "sheet"}, func(args api.OnLoadArgs) (api.OnLoadResult, error) {
			css, err := File(args.Path)
			if err != nil {
				return api.OnLoadResult{}, err
			}
			text := strings.TrimSpace(string(css))
			return api.OnLoadResult{Contents: &text, Loader: api.LoaderText}, nil
		})
	}}
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
