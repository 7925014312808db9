package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"go.uber.org/zap"
)

// oldest is the oldest supported version of the server, as server_version_num.
const oldest = 140000

// wrongServer is an error that only an operator can mend.
type wrongServer string

func (e wrongServer) Error() string { return string(e) }

const qServer = `SELECT current_setting('server_version_num')::int8, current_setting('server_version'),
	current_setting('server_encoding'), current_setting('default_transaction_isolation'), current_setting('fsync'),
	current_setting('synchronous_commit'), current_setting('full_page_writes'), pg_is_in_recovery(),
	coalesce(current_schema(), ''), current_database()::text`

// check checks whether the server can hold a store. It warns of settings under which acknowledged writes may be lost,
// and returns the topic of the store's hints. shared says that connections have settings that are not the store's: they are
// the app's, or those of a pooler.
func (s *Store) check(ctx context.Context, shared bool) (topic string, err error) {
	var number int64
	var version, encoding, isolation, fsync, commit, pages, schema, database string
	var standby bool
	conn, err := s.server.acquire(ctx)
	if err != nil {
		return "", err
	}
	defer conn.Release()
	err = conn.QueryRow(ctx, qServer).Scan(&number, &version, &encoding, &isolation, &fsync, &commit, &pages,
		&standby, &schema, &database)
	switch {
	case err != nil:
		return "", err
	case number < oldest:
		return "", wrongServer(fmt.Sprintf("the server is PostgreSQL %s; it must be 14 or newer", version))
	case encoding != "UTF8":
		return "", wrongServer(fmt.Sprintf("the database %q has the encoding %s; it must be UTF8: "+
			"CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0", database, encoding))
	case schema == "" && s.schema == "":
		return "", wrongServer("there is no schema to have tables in: CREATE SCHEMA one of those in search_path, or GRANT USAGE on it")
	case standby:
		return "", fmt.Errorf("the server is a standby; name them all in the URL, with target_session_attrs=read-write")
	case shared && isolation != "read committed":
		return "", wrongServer(fmt.Sprintf("default_transaction_isolation is %q on the pool's connections; it must be "+
			"\"read committed\", transactions may begin with another: "+
			"ALTER ROLE ... SET default_transaction_isolation = 'read committed'", isolation))
	}
	for _, off := range []struct{ name, value, loses string }{
		{"fsync", fsync, "the death of the machine"},
		{"full_page_writes", pages, "the death of the machine"},
		{"synchronous_commit", commit, "the death of the server"},
	} {
		if off.value == "off" {
			s.logger.Warn("acknowledged writes may be lost, the server has a setting off",
				zap.String("setting", off.name), zap.String("lost_at", off.loses))
		}
	}
	if s.schema == "" {
		s.schema = schema
	}
	sum := sha256.Sum256([]byte(s.schema)) // names of topics are short, and hold for all schemas of a database
	return "motacilla_" + hex.EncodeToString(sum[:8]), nil
}
