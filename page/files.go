package page

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

//go:embed templates/*.html
var sources embed.FS

// files are what a look reads: our templates with the site's own in their place, a style sheet, and files to serve.
type files struct {
	templates map[string]string // by name, such as "post.html"
	own       []string          // the names of the site's own templates
	styles    []byte            // nil if the site has none
	assets    map[string][]byte // the site's own, by name
}

// largestAsset bounds a file of the folder assets, in bytes: they are kept in memory.
const largestAsset = 8 << 20

func readFiles(templates fs.FS, styles func() ([]byte, error)) (*files, error) {
	f := &files{templates: map[string]string{}, assets: map[string][]byte{}}
	ours, err := fs.Sub(sources, "templates")
	if err != nil {
		return nil, err
	}
	if _, err := f.add(ours); err != nil {
		return nil, err
	}
	if templates != nil {
		if f.own, err = f.add(templates); err != nil {
			return nil, fmt.Errorf("templates: %w", err)
		}
		if err := f.addAssets(templates); err != nil {
			return nil, fmt.Errorf("templates: %w", err)
		}
	}
	if styles != nil {
		if f.styles, err = styles(); err != nil {
			return nil, fmt.Errorf("styles: %w", err)
		}
		if f.styles == nil {
			f.styles = []byte{}
		}
	}
	return f, nil
}

// add reads the templates of a folder, and returns their names.
func (f *files) add(folder fs.FS) ([]string, error) {
	entries, err := fs.ReadDir(folder, ".")
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() || path.Ext(e.Name()) != ".html" || hidden(e.Name()) {
			continue
		}
		text, err := fs.ReadFile(folder, e.Name())
		if err != nil {
			return nil, err
		}
		f.templates[e.Name()] = string(text)
		names = append(names, e.Name())
	}
	return names, nil
}

func (f *files) addAssets(folder fs.FS) error {
	entries, err := fs.ReadDir(folder, "assets")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if hidden(e.Name()) {
			continue
		}
		info, err := fs.Stat(folder, "assets/"+e.Name()) // of the file that a link leads to
		if err != nil {
			return err
		}
		if info.IsDir() {
			return fmt.Errorf("assets/%s: must be a file; folders in assets are not served", e.Name())
		}
		if taken(e.Name()) {
			return fmt.Errorf("assets/%s: must have another name; the look serves a file of this one", e.Name())
		}
		if info.Size() > largestAsset {
			return fmt.Errorf("assets/%s: has %d bytes; an asset may have %d", e.Name(), info.Size(), largestAsset)
		}
		body, err := fs.ReadFile(folder, "assets/"+e.Name())
		if err != nil {
			return err
		}
		f.assets[e.Name()] = body
	}
	return nil
}

// hidden reports whether a name begins with a dot: the file is of an editor or of the system, such as .DS_Store, .#post.html
// and the folders of a volume of Kubernetes. The look does not have it.
func hidden(name string) bool { return strings.HasPrefix(name, ".") }

// taken reports whether the look itself serves a file of this name, or may do so.
func taken(name string) bool {
	_, err := fs.Stat(static, "static/"+name)
	return err == nil || name == siteStyles || strings.HasPrefix(name, "words.")
}

// parts returns everything that was read, for a digest.
func (f *files) parts() []string {
	parts := []string{string(f.styles)}
	for _, name := range slices.Sorted(maps.Keys(f.templates)) {
		parts = append(parts, name, f.templates[name])
	}
	for _, name := range slices.Sorted(maps.Keys(f.assets)) {
		parts = append(parts, name, string(f.assets[name]))
	}
	return parts
}
