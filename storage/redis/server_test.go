package redis

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/internal/realserver"
	"github.com/motacilla-live/motacilla/storage"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

func TestWrongURL(t *testing.T) {
	server := realserver.NewRedis(t, "--requirepass", "hunter2")
	addr := server.Addr()
	for url, want := range map[string]string{
		"":                                   "url: must be set",
		"postgres://u:sesame@" + addr:        "url: must begin with redis://",
		addr:                                 "url: ",
		"redis://u:ses%ame@" + addr:          "url: can't be parsed",
		"redis://u:sesame@" + addr + "/zero": `url: is not understood: redis: invalid database number: "zero"`,
		"redis://" + addr + "?addr=u:sesame@h:1:2":                     "addr must be host:port",
		"redis://u:sesame@" + addr + "?pol_size=1":                     "unexpected option: pol_size",
		"redis://u:sesame@" + addr + "?addr=nowhere":                   "url: is not understood",
		"redis://:sesame@" + addr + "?addr=127.0.0.1:1&read_only=true": "must not send reads to replicas",
		"redis://:sesame@" + addr + "?master_name=m&replica_only=true": "must not send reads to replicas",
		"redis://" + addr:                                              "NOAUTH",
		"redis://:sesame@" + addr:                                      "WRONGPASS",
		"redis://u:sesame@" + addr:                                     "WRONGPASS",
		"redis://:sesame@127.0.0.1:1":                                  "connect to redis://127.0.0.1:1: store unavailable: dial tcp 127.0.0.1:1",
		"rediss://:sesame@" + addr:                                     "store unavailable",
		"unix://:sesame@/nowhere/sock":                                 "connect to unix:///nowhere/sock",
		"redis://:sesame@127.0.0.1:1?addr=127.0.0.1:2&dial_timeout=1s": "store unavailable",
	} {
		_, err := Open(t.Context(), url, &Options{Timeout: patience})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q in it", url, err, want)
		}
		if err != nil && (strings.Contains(err.Error(), "sesame") || strings.Contains(err.Error(), "ses%ame")) {
			t.Errorf("%q: the error tells the password: %v", url, err)
		}
	}
	opened(t, "redis://:hunter2@"+addr, nil)
}

func TestConnections(t *testing.T) {
	cert, key := certificate(t)
	tlsPort := realserver.FreePort(t)
	server := realserver.NewRedis(t, "--tls-port", strconv.Itoa(tlsPort), "--tls-cert-file", cert, "--tls-key-file", key,
		"--tls-ca-cert-file", cert, "--tls-auth-clients", "no")
	server.Do(t, "ACL", "SETUSER", "live", "on", ">open sesame/+@", "~motacilla:*", "&motacilla:*", "+@all", "-@admin", "-@dangerous", "+info")
	for i, url := range []string{
		server.URL(), server.URL() + "/3", "unix://" + server.Socket(), "unix://" + server.Socket() + "?db=3",
		fmt.Sprintf("rediss://127.0.0.1:%d?skip_verify=true", tlsPort),
		"redis://live:open%20sesame%2F%2B%40@" + server.Addr() + "?pool_size=3&max_retries=1",
	} {
		s := opened(t, url, nil)
		id := motacilla.ChannelID(fmt.Sprint("c", i))
		w := watched(t, s)
		c := channel(t, s, id)
		w.reaches(t, id, c.Head)
		if err := s.Ping(t.Context()); err != nil {
			t.Errorf("%s: ping: %v", url, err)
		}
		list, err := s.Channels(t.Context(), "", 0)
		if err != nil || !slices.ContainsFunc(list, func(c motacilla.Channel) bool { return c.ID == id }) {
			t.Errorf("%s: %v (%v)", url, list, err)
		}
	}
	// What no authority has signed is not trusted.
	_, err := Open(t.Context(), fmt.Sprintf("rediss://127.0.0.1:%d", tlsPort), nil)
	if err == nil || !strings.Contains(err.Error(), "x509") {
		t.Errorf("a certificate that nobody signed: %v", err)
	}
}

func TestSentinel(t *testing.T) {
	server := realserver.NewRedis(t)
	sentinel := realserver.NewRedisSentinel(t, "live", server)
	s := opened(t, sentinel.URL()+"?master_name=live", nil)
	w := watched(t, s)
	channel(t, s, "c")
	w.reaches(t, "c", text(t, s, "c", "x").Revision)
	if other := opened(t, server.URL(), nil); len(must(other.Channels(t.Context(), "", 0))) != 1 {
		t.Error("it is not in the master")
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Each setting under which acknowledged writes may be lost is told of at start, and no other.
func TestWarnings(t *testing.T) {
	server := realserver.NewRedis(t, realserver.DurableRedis()...)
	replica := realserver.NewRedis(t)
	warnings := func(url string) (told []string) {
		t.Helper()
		core, logs := observer.New(zap.InfoLevel)
		s := opened(t, url, &Options{Logger: zap.New(core)})
		_ = s.Close()
		for _, l := range logs.All() {
			f := l.ContextMap()
			told = append(told, fmt.Sprint(f["setting"], "=", f["value"]))
		}
		return told
	}
	if told := warnings(server.URL()); len(told) > 0 {
		t.Errorf("a durable server: %v", told)
	}
	for _, tt := range []struct{ setting, value, back, want string }{
		{"appendfsync", "everysec", "always", "appendfsync=everysec"},
		{"appendfsync", "no", "always", "appendfsync=no"},
		{"appendonly", "no", "yes", "appendonly=no"},
		{"no-appendfsync-on-rewrite", "yes", "no", "no-appendfsync-on-rewrite=yes"},
		{"maxmemory-policy", "allkeys-lru", "noeviction", "maxmemory-policy=allkeys-lru"},
		{"maxmemory-policy", "allkeys-random", "noeviction", "maxmemory-policy=allkeys-random"},
		{"maxmemory-policy", "volatile-lru", "noeviction", ""}, // no key expires
	} {
		server.Do(t, "CONFIG", "SET", tt.setting, tt.value)
		if told := strings.Join(warnings(server.URL()), " "); told != tt.want {
			t.Errorf("%s %s: told %q, want %q", tt.setting, tt.value, told, tt.want)
		}
		server.Do(t, "CONFIG", "SET", tt.setting, tt.back)
	}
	replica.Do(t, "REPLICAOF", "127.0.0.1", strconv.Itoa(server.Port))
	until(t, "a replica", func() bool {
		return slices.Contains(warnings(server.URL()), "min-replicas-to-write=0")
	})
	server.Do(t, "CONFIG", "SET", "min-replicas-to-write", "1")
	if told := warnings(server.URL()); len(told) > 0 {
		t.Errorf("with a replica that must have each write: %v", told)
	}
	until(t, "the replica's word", func() bool { return slices.Contains(warnings(replica.URL()), "role=slave") })
	s := opened(t, replica.URL(), nil)
	if _, err := s.PutChannel(t.Context(), motacilla.Channel{ID: "c"}, 0); !errors.Is(err, motacilla.ErrUnavailable) ||
		!strings.Contains(err.Error(), "READONLY") {
		t.Errorf("a write to a replica: %v", err)
	}
	// A master that has lost its replica refuses: nothing is half-written.
	w := opened(t, server.URL(), nil)
	replica.Kill()
	until(t, "a write is refused", func() bool {
		_, err := w.PutChannel(t.Context(), motacilla.Channel{ID: "c"}, 0)
		return errors.Is(err, motacilla.ErrUnavailable) && strings.Contains(err.Error(), "NOREPLICAS")
	})
}

// Where CONFIG is forbidden the store says so and works; where a command that it needs is, it says which.
func TestUsers(t *testing.T) {
	server := realserver.NewRedis(t)
	keys := []string{"~motacilla:*", "&motacilla:*"}
	for _, tt := range []struct {
		name   string
		rules  []string
		want   string
		silent bool
	}{
		{"all", append([]string{"+@all"}, keys...), "", false},
		{"documented", append(strings.Fields(documentedACL), keys...), "", false},
		{"no config", append([]string{"+@all", "-config"}, keys...), "", true},
		{"no info", append([]string{"+@all", "-@dangerous"}, keys...), "", true},
		{"no zadd", append([]string{"+@all", "-zadd"}, keys...), "the user may not use ZADD on keys motacilla:*", false},
		{"other keys", []string{"+@all", "~other:*", "&*"}, "run a script on keys motacilla:*: store unavailable: NOPERM", false},
		{"no publish", []string{"+@all", "~motacilla:*", "&other"}, "the user may not use PUBLISH", false},
		{"no scripts", append([]string{"+@all", "-@scripting"}, keys...), "run a script on keys motacilla:*: store unavailable: NOPERM", false},
	} {
		server.Do(t, append([]string{"ACL", "SETUSER", "u", "reset", "on", ">p"}, tt.rules...)...)
		core, logs := observer.New(zap.InfoLevel)
		url, o := patient("redis://u:p@"+server.Addr(), &Options{Logger: zap.New(core)})
		s, err := Open(t.Context(), url, o)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
		if silent := logs.FilterMessageSnippet("does not tell its settings").Len() > 0; silent != tt.silent {
			t.Errorf("%s: says that the server does not tell its settings: %v", tt.name, silent)
		}
		if err == nil {
			t.Cleanup(func() { _ = s.Close() })
			id := motacilla.ChannelID(strings.ReplaceAll(tt.name, " ", "-"))
			w := watched(t, s)
			channel(t, s, id)
			p := text(t, s, id, "x")
			w.reaches(t, id, must(s.DeletePost(t.Context(), id, p.ID, 0)))
			w.reaches(t, id, must(s.DeleteChannel(t.Context(), id)))
			r := must(s.Records().Put(t.Context(), storage.Record{Namespace: string(id), Key: "key", TTL: time.Hour}))
			_ = must(s.Records().List(t.Context(), string(id), "", "", 0))
			_ = must(s.Records().Namespaces(t.Context(), "", 0))
			if err := s.Records().Delete(t.Context(), string(id), "key", r.Version); err != nil {
				t.Error(err)
			}
		}
	}
}

// documentedACL is in docs/redis.md.
const documentedACL = "+@read +@write +@scripting +@connection +@pubsub -@dangerous +time +info +config|get"

func TestOldServer(t *testing.T) {
	if major := parseInfo("# Server\r\nredis_version:7.0.15\r\nrole:master\r\n"); major["redis_version"] != "7.0.15" || major["role"] != "master" {
		t.Errorf("INFO is read as %v", major)
	}
	if err := recent("6.2.7"); err == nil || !strings.Contains(err.Error(), "Redis 6.2.7; needed is 7.0") {
		t.Errorf("Redis 6.2.7: %v", err)
	}
	for _, v := range []string{"7.0.15", "7.2.4", "8.0.0", "255.255.255", "", "unstable"} {
		if err := recent(v); err != nil {
			t.Errorf("Redis %s: %v", v, err)
		}
	}
}

func TestModule(t *testing.T) {
	server := realserver.NewRedis(t)
	in := app.Input{YAML: []byte{}, Env: []string{}}
	s, err := app.OpenStore(t.Context(), app.StoreAt(server.URL()), in, zap.NewNop(), Module)
	if err != nil {
		t.Fatal(err)
	}
	if prefix := string(s.Store.(*Store).keys); prefix != DefaultPrefix {
		t.Errorf("the prefix is %q", prefix)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if s, err := app.OpenStore(t.Context(), "redis://127.0.0.1:1", in, zap.NewNop(), Module); err == nil || s.Store != nil {
		t.Errorf("store is %v (%v)", s, err)
	}
}

// certificate makes a certificate that nobody has signed, for 127.0.0.1.
func certificate(t *testing.T) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return write("cert.pem", "CERTIFICATE", cert), write("key.pem", "EC PRIVATE KEY", secret)
}
