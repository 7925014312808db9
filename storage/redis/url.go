package redis

import (
	"crypto/tls"
	neturl "net/url"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// defaultIO is how long connecting, and reading or writing once, may take.
const defaultIO = 5 * time.Second

// target is a server, as its URL describes it.
type target struct {
	name   string // scheme and address, without user and password
	db     int
	single *goredis.Options // one of the three
	many   *goredis.ClusterOptions
	watch  *goredis.FailoverOptions
}

// String names the server, without user and password.
func (t *target) String() string { return t.name }

// parseURL reads url. Its errors do not contain it: it may hold a password.
func parseURL(url string, timeout time.Duration) (*target, error) {
	if url == "" {
		return nil, invalidURL("must be set, such as redis://127.0.0.1:6379/0")
	}
	u, err := neturl.Parse(url)
	if err != nil {
		return nil, invalidURL("can't be parsed; a user or password with special characters is percent-encoded")
	}
	switch u.Scheme {
	case "redis", "rediss", "unix":
	default:
		return nil, invalidURL("must begin with redis://, rediss:// or unix://")
	}
	q := u.Query()
	t := &target{name: u.Scheme + "://" + u.Host}
	switch {
	case u.Scheme == "unix":
		t.name = "unix://" + u.Path
		t.single, err = goredis.ParseURL(url)
	case q.Has("master_name"):
		t.watch, err = goredis.ParseFailoverURL(url)
	case q.Has("addr"):
		t.many, err = goredis.ParseClusterURL(url)
	default:
		t.single, err = goredis.ParseURL(url)
	}
	if err != nil {
		return nil, invalidURL("is not understood: %s", cleaned(err))
	}
	switch {
	case t.single != nil:
		o := t.single
		t.db = o.DB
		bound(timeout, &o.DialTimeout, &o.ReadTimeout, &o.WriteTimeout, &o.PoolTimeout)
		// One attempt to connect at a time: commands that may be repeated have their own.
		o.ContextTimeoutEnabled, o.DialerRetries = true, 1
		o.MaintNotificationsConfig = noNotifications()
	case t.many != nil:
		clustered(t.many, timeout)
	default:
		o := t.watch
		t.db = o.DB
		if o.ReplicaOnly || o.RouteByLatency || o.RouteRandomly {
			return nil, invalidURL("must not send reads to replicas: they lag behind")
		}
		bound(timeout, &o.DialTimeout, &o.ReadTimeout, &o.WriteTimeout, &o.PoolTimeout)
		o.ContextTimeoutEnabled, o.DialerRetries = true, 1
	}
	if t.many != nil && (t.many.ReadOnly || t.many.RouteByLatency || t.many.RouteRandomly) {
		return nil, invalidURL("must not send reads to replicas: they lag behind")
	}
	return t, nil
}

func clustered(o *goredis.ClusterOptions, timeout time.Duration) {
	bound(timeout, &o.DialTimeout, &o.ReadTimeout, &o.WriteTimeout, &o.PoolTimeout)
	o.ContextTimeoutEnabled, o.DialerRetries = true, 1
	o.DisableRoutingPolicies = true // every command here says by its key where it belongs
	o.MaintNotificationsConfig = noNotifications()
}

// cluster is the cluster that a single server turned out to belong to.
func (t *target) cluster(timeout time.Duration) {
	s := t.single
	var secure *tls.Config
	if s.TLSConfig != nil {
		secure = s.TLSConfig.Clone()
	}
	t.many = &goredis.ClusterOptions{
		Addrs: []string{s.Addr}, Username: s.Username, Password: s.Password, TLSConfig: secure, ClientName: s.ClientName,
		Protocol: s.Protocol, DialTimeout: s.DialTimeout, ReadTimeout: s.ReadTimeout, WriteTimeout: s.WriteTimeout,
		PoolTimeout: s.PoolTimeout, PoolSize: s.PoolSize, PoolFIFO: s.PoolFIFO, MinIdleConns: s.MinIdleConns,
		MaxIdleConns: s.MaxIdleConns, MaxActiveConns: s.MaxActiveConns, ConnMaxIdleTime: s.ConnMaxIdleTime,
		ConnMaxLifetime: s.ConnMaxLifetime,
	}
	t.single = nil
	clustered(t.many, timeout)
}

// connect returns a client that waits no longer than most to connect, or to read or write once.
func (t *target) connect(most time.Duration) goredis.UniversalClient {
	switch {
	case t.many != nil:
		o := *t.many
		bound(most, &o.DialTimeout, &o.ReadTimeout, &o.WriteTimeout)
		return goredis.NewClusterClient(&o)
	case t.watch != nil:
		o := *t.watch
		bound(most, &o.DialTimeout, &o.ReadTimeout, &o.WriteTimeout)
		return goredis.NewFailoverClient(&o)
	}
	o := *t.single
	bound(most, &o.DialTimeout, &o.ReadTimeout, &o.WriteTimeout)
	return goredis.NewClient(&o)
}

// noNotifications turns off what Redis Cloud alone has: it asks at each connection and keeps goroutines.
func noNotifications() *maintnotifications.Config {
	return &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
}

// bound gives each time-out that is not set its default, and none more than a call may take.
func bound(timeout time.Duration, each ...*time.Duration) {
	for _, d := range each {
		if *d <= 0 {
			*d = defaultIO
		}
		*d = min(*d, timeout)
	}
}

func invalidURL(format string, args ...any) error { return motacilla.Invalid("url", format, args...) }

// cleaned is what go-redis says of a URL, but for an address with a user and password in it.
func cleaned(err error) string {
	if strings.Contains(err.Error(), "@") {
		return "addr must be host:port"
	}
	return err.Error()
}
