package postgres

import (
	"context"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage/internal/textfs"
)

// maxSchema is the longest name of a schema in bytes. PostgreSQL would cut a longer one.
const maxSchema = 63

// names puts the schema into queries. Tables and functions are found by it, whatever the search_path of a connection is:
// the connections may be the app's. Without a schema, the search_path decides.
type names struct {
	schema string // quoted, or ""
	texts  *sync.Map
}

func newNames(schema string) (names, error) {
	switch {
	case schema == "":
		return names{}, nil
	case len(schema) > maxSchema, !utf8.ValidString(schema), strings.ContainsRune(schema, 0):
		return names{}, motacilla.Invalid("schema", "must be 1 to %d bytes of UTF-8 without NUL", maxSchema)
	case strings.HasPrefix(schema, "pg_"):
		return names{}, motacilla.Invalid("schema", "must not begin with pg_, which is for PostgreSQL's own schemas")
	}
	return names{schema: pgx.Identifier{schema}.Sanitize(), texts: new(sync.Map)}, nil
}

// of returns a query with the schema before each name. text is one of the constants of this package.
func (n names) of(text string) string {
	if n.schema == "" {
		return text
	}
	if qualified, ok := n.texts.Load(text); ok {
		return qualified.(string)
	}
	qualified := strings.ReplaceAll(text, "motacilla_", n.schema+".motacilla_")
	n.texts.Store(text, qualified)
	return qualified
}

// migrations returns the migrations for a connection whose search_path is the schema. Functions get it as a setting of
// their own, so that callers may have another one.
func (n names) migrations(files fs.FS) fs.FS {
	if n.schema == "" {
		return files
	}
	return textfs.New(files, func(text string) string {
		return strings.ReplaceAll(text, "LANGUAGE plpgsql AS", "LANGUAGE plpgsql SET search_path = "+n.schema+", pg_temp AS")
	})
}

const qUnpinned = `SELECT p.oid::regprocedure::text FROM pg_proc p WHERE p.pronamespace = to_regnamespace($1)::oid` +
	` AND p.proname LIKE 'motacilla\_%' AND p.prolang = (SELECT oid FROM pg_language WHERE lanname = 'plpgsql')` +
	` AND NOT coalesce(p.proconfig::text LIKE '%search\_path%', false)`

// pin gives functions the setting that were made without it, by a store that found the schema through its search_path.
func (n names) pin(ctx context.Context, conn *pgx.Conn) error {
	rows, err := conn.Query(ctx, qUnpinned, n.schema)
	if err != nil {
		return err
	}
	functions, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, f := range functions {
		if _, err := conn.Exec(ctx, "ALTER FUNCTION "+f+" SET search_path = "+n.schema+", pg_temp"); err != nil {
			return fmt.Errorf("set the search_path of the function %s, which only its owner may: %w", f, err)
		}
	}
	return nil
}
