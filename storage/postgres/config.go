package postgres

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/motacilla-live/motacilla"
)

const (
	dialing  = 5 * time.Second // the most that connecting takes, unless the URL has connect_timeout
	fresh    = time.Second     // a connection that was not used for longer is asked before it is used
	lifetime = time.Hour       // connections are made anew after it, so that they spread over servers that come and go

	// Some idle connections are kept, and missed after so long. On a slow network a new connection takes longer than a
	// reader may wait, so that after an outage the next reader must find one.
	leastIdle = 2
	counting  = 2 * time.Second
)

// configure returns the configuration of the pool, and that of connections that do not go through a pooler.
func (s *server) configure(text string, o Options) (*pgxpool.Config, *pgx.ConnConfig, error) {
	config, err := parse("url", text)
	if err != nil {
		return nil, nil, err
	}
	config.MaxConns = int32(min(o.Connections, 1<<15))
	config.MinIdleConns, config.HealthCheckPeriod = min(leastIdle, config.MaxConns), counting
	config.MaxConnLifetime, config.MaxConnLifetimeJitter = lifetime, lifetime/4
	config.ShouldPing, config.BeforeClose = s.shouldPing, part
	wires(&config.ConnConfig.Config, s.silence)
	direct := config.ConnConfig.Copy()
	switch {
	case o.Pooler && o.DirectURL == "":
		return nil, nil, motacilla.Invalid("direct_url", "must be set if pooler is: migrations and LISTEN need a URL that bypasses the pooler")
	case o.DirectURL != "":
		past, err := parse("direct_url", o.DirectURL)
		if err != nil {
			return nil, nil, err
		}
		direct = past.ConnConfig
		wires(&direct.Config, s.silence)
	}
	direct.RuntimeParams["application_name"] += " listen" // tells an operator what the connection is for
	if o.Pooler {
		config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
		config.ConnConfig.StatementCacheCapacity, config.ConnConfig.DescriptionCacheCapacity = 0, 0
		delete(config.ConnConfig.RuntimeParams, "application_name")
	} else {
		// The server ends a statement before the call's time is over. Its error shows that the server is there.
		millis := strconv.FormatInt((o.Timeout * 9 / 10).Milliseconds(), 10)
		config.ConnConfig.RuntimeParams["statement_timeout"] = millis
		config.ConnConfig.RuntimeParams["idle_in_transaction_session_timeout"] = millis
		config.ConnConfig.RuntimeParams["default_transaction_isolation"] = "read committed"
	}
	return config, direct, nil
}

// shouldPing pings a connection that was not used for a while. If it does not answer, it and all connections of its age
// are dropped, so that no call has to wait for each of them.
func (s *server) shouldPing(ctx context.Context, p pgxpool.ShouldPingParams) bool {
	if p.IdleDuration < fresh {
		return false
	}
	if call, ok := ctx.Value(callKey{}).(context.Context); ok {
		ctx = call // it has waited for the connection: what is left of that is too short for an answer
	}
	asking, cancel := context.WithTimeout(ctx, s.silence)
	defer cancel()
	if err := p.Conn.Ping(asking); err == nil {
		return false
	}
	if ctx.Err() == nil {
		s.pool.Reset()
	}
	return true // fails at once, for the connection is closed, and another is taken
}

// callKey is the key of a call's context in the context in which it waits for a connection.
type callKey struct{}

// parse reads a URL. Its errors name the option, and have nothing of the URL in which the password might be.
func parse(option, text string) (*pgxpool.Config, error) {
	if text == "" {
		return nil, motacilla.Invalid(option, "must be set, such as postgres://motacilla@db.example.org/motacilla")
	}
	if !strings.HasPrefix(text, "postgres://") && !strings.HasPrefix(text, "postgresql://") {
		return nil, motacilla.Invalid(option, "must begin with postgres://")
	}
	config, err := pgxpool.ParseConfig(text)
	if err != nil {
		return nil, motacilla.Invalid(option, "%s", problem(text))
	}
	for _, p := range []string{"pool_max_conns", "pool_min_conns"} {
		if strings.Contains(text, p) {
			return nil, motacilla.Invalid(option, "must not have %s: there is the option connections", p)
		}
	}
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = dialing
	}
	if config.ConnConfig.RuntimeParams["application_name"] == "" {
		config.ConnConfig.RuntimeParams["application_name"] = "motacilla"
	}
	return config, nil
}

// problem says what is wrong with a URL, from what is left of it without the parts in which a password may be.
func problem(wrong string) string {
	_, err := pgxpool.ParseConfig(bare(wrong))
	if err == nil {
		return "must be a postgres:// URL; marks in its user and password must be percent-encoded (@ is %40, / is %2F)"
	}
	return fmt.Sprintf("must be a postgres:// URL: %v", err)
}

// bare returns a URL without its user and password, which end at the last @ wherever it is, for they may not have been
// encoded, and without parameters that are or may be passwords.
func bare(full string) string {
	head, rest, _ := strings.Cut(full, "//")
	rest = rest[strings.LastIndexByte(rest, '@')+1:]
	rest, query, _ := strings.Cut(rest, "?")
	var kept []string
	for pair := range strings.SplitSeq(query, "&") {
		name, _, _ := strings.Cut(pair, "=")
		plain, err := url.QueryUnescape(name)
		if err == nil && !strings.Contains(strings.ToLower(plain), "pass") {
			kept = append(kept, pair)
		}
	}
	return head + "//" + rest + "?" + strings.Join(kept, "&")
}
