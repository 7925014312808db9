package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
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
)

// configure returns what the pool is made of, and what the connections past a pooler are.
func (s *Store) configure(url string, o Options) (*pgxpool.Config, *pgx.ConnConfig, error) {
	config, err := parse("url", url)
	if err != nil {
		return nil, nil, err
	}
	config.MaxConns = int32(min(o.Connections, 1<<15))
	config.MinIdleConns = min(2, config.MaxConns)
	config.MaxConnLifetime, config.MaxConnLifetimeJitter = lifetime, lifetime/4
	config.ShouldPing = s.shouldPing
	direct := config.ConnConfig.Copy()
	switch {
	case o.Pooler && o.DirectURL == "":
		return nil, nil, motacilla.Invalid("direct_url", "must be set beside pooler: the way past it, for migrations and LISTEN")
	case o.DirectURL != "":
		past, err := parse("direct_url", o.DirectURL)
		if err != nil {
			return nil, nil, err
		}
		direct = past.ConnConfig
	}
	if o.Pooler {
		config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
		config.ConnConfig.StatementCacheCapacity, config.ConnConfig.DescriptionCacheCapacity = 0, 0
		delete(config.ConnConfig.RuntimeParams, "application_name")
	} else {
		// The server gives up before the call's time is over: then it is known that it is there.
		millis := strconv.FormatInt((o.Timeout * 9 / 10).Milliseconds(), 10)
		config.ConnConfig.RuntimeParams["statement_timeout"] = millis
		config.ConnConfig.RuntimeParams["idle_in_transaction_session_timeout"] = millis
		config.ConnConfig.RuntimeParams["default_transaction_isolation"] = "read committed"
	}
	return config, direct, nil
}

// shouldPing asks a connection that was not used for a while. One that does not answer is as good as none, and so are
// those that are as old: they go, rather than cost a wait each.
func (s *Store) shouldPing(ctx context.Context, p pgxpool.ShouldPingParams) bool {
	if p.IdleDuration < fresh {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout/5)
	defer cancel()
	if err := p.Conn.Ping(ctx); err == nil {
		return false
	}
	s.pool.Reset()
	return true // fails at once, for the connection is closed, and another is taken
}

// secrets are the places of passwords in a URL; a password that was not encoded may have any of its marks.
var secrets = []*regexp.Regexp{
	regexp.MustCompile(`(?s)//.*@`),
	regexp.MustCompile(`(?i)(p|%70)[^=&]*=[^&]*`),
}

// parse reads a URL. Its errors name the option, and have nothing of the URL in which the password might be.
func parse(option, url string) (*pgxpool.Config, error) {
	if url == "" {
		return nil, motacilla.Invalid(option, "must be set, such as postgres://motacilla@db.example.org/motacilla")
	}
	if !strings.HasPrefix(url, "postgres://") && !strings.HasPrefix(url, "postgresql://") {
		return nil, motacilla.Invalid(option, "must begin with postgres://")
	}
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, motacilla.Invalid(option, "%s", problem(url))
	}
	for _, p := range []string{"pool_max_conns", "pool_min_conns"} {
		if strings.Contains(url, p) {
			return nil, motacilla.Invalid(option, "must not have %s: there is the option connections", p)
		}
	}
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = dialing
	}
	dialer := &net.Dialer{
		Timeout: config.ConnConfig.ConnectTimeout,
		KeepAliveConfig: net.KeepAliveConfig{
			Enable: true, Idle: 5 * time.Second, Interval: 5 * time.Second, Count: 2,
		},
		Control: userTimeout,
	}
	config.ConnConfig.DialFunc = dialer.DialContext
	if config.ConnConfig.RuntimeParams["application_name"] == "" {
		config.ConnConfig.RuntimeParams["application_name"] = "motacilla"
	}
	return config, nil
}

// problem says what is wrong with a URL, from what it is without the parts in which a password may be.
func problem(url string) string {
	bare := url
	for _, s := range secrets {
		bare = s.ReplaceAllString(bare, "//")
	}
	_, err := pgxpool.ParseConfig(bare)
	if err == nil {
		return "must be a postgres:// URL; marks in its user and password must be percent-encoded (@ is %40, / is %2F)"
	}
	if inner := errors.Unwrap(err); inner != nil {
		err = inner
	}
	return fmt.Sprintf("must be a postgres:// URL: %v", err)
}
