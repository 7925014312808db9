package bundle

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/evanw/esbuild/pkg/api"
)

// Program is a program for browsers, minified.
type Program struct {
	Script []byte // an ES module
	Styles []byte // what its sources import as style sheets

	// Packages are the folders of the npm packages of which something is in the script or the styles, sorted.
	Packages []string
}

// NewProgram bundles entry, which may have JSX of Preact. The style sheets that sources in entry's folder import are Styles. Elsewhere
// an imported style sheet is a text.
func NewProgram(entry string) (Program, error) {
	folder, err := filepath.Abs(filepath.Dir(entry))
	if err != nil {
		return Program{}, err
	}
	o := minified(options(entry))
	o.Outfile, o.Metafile = "program.js", true
	o.JSX, o.JSXImportSource = api.JSXAutomatic, "preact"
	o.Plugins = []api.Plugin{sheets(func(dir string) bool {
		return dir != folder && !strings.HasPrefix(dir, folder+string(filepath.Separator))
	})}
	result, err := build(o)
	if err != nil {
		return Program{}, err
	}
	var p Program
	for _, file := range result.OutputFiles {
		switch filepath.Ext(file.Path) {
		case ".js":
			p.Script = file.Contents
		case ".css":
			p.Styles = file.Contents
		default:
			return Program{}, fmt.Errorf("bundle %s: an output is %s", entry, filepath.Base(file.Path))
		}
	}
	p.Packages, err = packagesOf(result.Metafile)
	return p, err
}

// packagesOf returns the folders of the packages that a bundle has something of.
func packagesOf(metafile string) ([]string, error) {
	var meta struct {
		Outputs map[string]struct {
			Inputs map[string]struct {
				Bytes int `json:"bytesInOutput"`
			} `json:"inputs"`
		} `json:"outputs"`
	}
	if err := json.Unmarshal([]byte(metafile), &meta); err != nil {
		return nil, err
	}
	found := map[string]bool{}
	for _, output := range meta.Outputs {
		for input, part := range output.Inputs {
			const modules = "node_modules/"
			at := strings.LastIndex(input, modules)
			if at < 0 || part.Bytes == 0 {
				continue
			}
			name := strings.SplitN(input[at+len(modules):], "/", 3)
			words := 1
			if strings.HasPrefix(name[0], "@") {
				words = 2
			}
			found[input[:at+len(modules)]+strings.Join(name[:words], "/")] = true
		}
	}
	return slices.Sorted(maps.Keys(found)), nil
}
