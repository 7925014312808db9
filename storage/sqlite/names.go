package sqlite

import (
	"io/fs"
	"regexp"
	"strings"
	"sync"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage/internal/textfs"
)

// ownPrefix is the default of New, where other tables are in the file.
const ownPrefix = "motacilla_"

var (
	prefixes = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,31}$`)
	tables   = regexp.MustCompile(`\b(channels|posts|tombstones|log|namespaces|records)(_[a-z]+)?\b`) // and indexes
)

// names puts the prefix of tables into queries. No column has the name of a table.
type names struct {
	prefix string
	texts  *sync.Map
}

func newNames(prefix string) (names, error) {
	if prefix != "" && (!prefixes.MatchString(prefix) || strings.HasPrefix(prefix, "sqlite_")) {
		return names{}, motacilla.Invalid("prefix", "must be 1 to 32 of a-z, 0-9 and '_', not begin with a digit, and not "+
			"begin with sqlite_, such as live_")
	}
	return names{prefix, new(sync.Map)}, nil
}

// of returns a query with the names of the tables. text is one of the constants of this package.
func (n names) of(text string) string {
	if n.prefix == "" {
		return text
	}
	if prefixed, ok := n.texts.Load(text); ok {
		return prefixed.(string)
	}
	prefixed := n.replace(text)
	n.texts.Store(text, prefixed)
	return prefixed
}

func (n names) replace(text string) string { return tables.ReplaceAllString(text, n.prefix+"$0") }

func (n names) migrations(files fs.FS) fs.FS {
	if n.prefix == "" {
		return files
	}
	return textfs.New(files, n.replace)
}

// versions is the table of goose.
func (n names) versions() string { return n.prefix + "goose_db_version" }
