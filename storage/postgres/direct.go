package postgres

import (
	"context"
	"database/sql"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
)

// direct makes connections that do not come from the pool: they last, and bypass a pooler. They migrate and listen.
type direct struct {
	config *pgx.ConnConfig
	names  names

	// These are the hooks of the app's pool, or nil: they may fetch a password, or set a role.
	before func(context.Context, *pgx.ConnConfig) error
	after  func(context.Context, *pgx.Conn) error
}

// past returns the direct connections for a pool of the app. url, if it is not empty, replaces where the pool leads to.
func past(pool *pgxpool.Pool, url string, n names) (direct, error) {
	config := pool.Config()
	d := direct{config: config.ConnConfig, names: n, before: config.BeforeConnect, after: config.AfterConnect}
	if url != "" {
		other, err := parse("direct_url", url)
		if err != nil {
			return direct{}, err
		}
		d = direct{config: other.ConnConfig, names: n}
	}
	return d, nil
}

// connect makes a connection for Watch.
func (d direct) connect(ctx context.Context) (*pgx.Conn, error) {
	config := d.config.Copy()
	if d.before != nil {
		if err := d.before(ctx, config); err != nil {
			return nil, err
		}
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err == nil && d.after != nil {
		if err = d.after(ctx, conn); err != nil {
			_ = conn.Close(ctx)
			return nil, err
		}
	}
	return conn, err
}

// open returns a database/sql handle for migrations. The schema, if there is one, is the search_path of its connections.
func (d direct) open() *sql.DB {
	options := []stdlib.OptionOpenDB{stdlib.OptionAfterConnect(func(ctx context.Context, conn *pgx.Conn) error {
		if d.after != nil {
			if err := d.after(ctx, conn); err != nil {
				return err
			}
		}
		if d.names.schema == "" {
			return nil
		}
		_, err := conn.Exec(ctx, "SET search_path TO "+d.names.schema)
		return err
	})}
	if d.before != nil {
		options = append(options, stdlib.OptionBeforeConnect(d.before))
	}
	return stdlib.OpenDB(*d.config, options...)
}
