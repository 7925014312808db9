package motacilla

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"
)

// The limits of a [Record], in bytes.
const (
	MaxNamespace   = 64
	MaxRecordKey   = 512
	MaxRecordValue = 512 << 10 // a draft of the longest post fits in as JSON
)

// MaxTTL is the longest TTL of a [Record].
const MaxTTL = 100 * 365 * 24 * time.Hour

// Record is a small value that all nodes of a store share, such as an account, a lease or a draft.
type Record struct {
	// Namespace says what the record is, such as "leases": 1 to MaxNamespace bytes of a-z, 0-9, '.', '_' and '-'. It is a
	// name in the code, never input: the store remembers each namespace for ever.
	Namespace string

	// Key is 1 to MaxRecordKey bytes of UTF-8 without NUL. Keys appear in errors and logs. A key that is a secret, such
	// as a session's token, must be hashed first.
	Key string

	// Value is up to MaxRecordValue bytes of any kind. Stores keep it as it is: they do not encrypt it, and whoever can
	// read the backend or its backups can read it. Hash or encrypt what must stay secret. Values appear in no error and
	// in no log of a store.
	Value []byte

	// Version is what the store issued for the last write of the record. In a Put it is the version that the record
	// replaces; 0 says that there must be no record.
	Version int64

	// Expires is when the record ends, by the store's clock, in UTC to the microsecond; zero: never. It must be after the
	// Unix epoch and before the year 10000.
	Expires time.Time

	// TTL is for Put alone, up to MaxTTL. A positive one, rounded up to microseconds, replaces Expires: the record ends so
	// long after the write, by the store's clock. So it needs no clock of the node. No method returns it.
	TTL time.Duration
}

// Namespace is a namespace that a store has records of, or had.
type Namespace struct {
	Name    string
	Born    int64 // the first version that was issued in it; it tells namespaces of different stores apart
	Version int64 // the newest version; a Delete issues one too
}

// Records keeps the small things that nodes share: accounts, sessions that are revoked, cursors of receivers, leases,
// drafts. A write is a compare-and-swap of one record. There are no transactions over several records, and nothing tells
// of changes: whoever waits for one polls.
//
// Every method may be called from many goroutines at once, and from many nodes. What goes in and what comes out belongs
// to the caller. A namespace or key that can't exist is not found, but in a Put it is ErrInvalid.
//
// Each write issues one version of its namespace: the store's time in microseconds since the Unix epoch, or the last
// version plus one if that is more. So versions of a namespace grow, and none is issued twice, not even for a key that was
// deleted or expired and is made again. The version of a lease may serve as a fencing token.
//
// A record that has expired is absent for every method at once, by the store's clock, which is one clock for all nodes
// if the backend has one. The store removes what is left of it later: each write removes at least one and at most 100
// expired records of its namespace, if there are any. If the clock goes back, a record that is not removed yet is there
// again.
//
// Writes are atomic and as durable as those of posts. When a write has returned without error, every later read on any
// handle of the backend sees it. A write that fails changes nothing, but one that fails with ErrUnavailable may have been
// stored; Get tells, if the value names its writer.
type Records interface {
	// Get returns the record, or ErrNotFound.
	Get(ctx context.Context, namespace, key string) (Record, error)

	// Put stores the record and returns it with its new version and its expiry. ErrConflict: the record has another
	// version than r.Version, there is none and r.Version is not 0, or there is one and r.Version is 0. Put must not store
	// an invalid record: the error is an ErrInvalid that names the field, as from Record.Validate. An expiry that has
	// passed is valid, and the record is absent at once.
	Put(ctx context.Context, r Record) (Record, error)

	// Delete removes the record of this version. ErrNotFound: there is none. ErrConflict: it has another version.
	Delete(ctx context.Context, namespace, key string, version int64) error

	// List returns at most limit records (0 means DefaultLimit) whose keys begin with prefix and come after the
	// given key, in byte order of the keys; "" begins at the first. After a list that is shorter than limit there are no more.
	// A list need not be a snapshot: it has every record that was there during the whole call, each as it was at one
	// moment of the call.
	List(ctx context.Context, namespace, prefix, after string, limit int) ([]Record, error)

	// Namespaces returns at most limit namespaces (0 means DefaultLimit) whose names come after the given one,
	// in byte order. Those whose records are all gone are among them. It is for tools, and may read much.
	Namespaces(ctx context.Context, after string, limit int) ([]Namespace, error)
}

// Normalize returns r as it is stored: Expires is in UTC to the microsecond, and Value is not nil.
func (r Record) Normalize() Record {
	if !r.Expires.IsZero() {
		r.Expires = r.Expires.UTC().Truncate(time.Microsecond)
	}
	if rest := r.TTL % time.Microsecond; rest > 0 {
		r.TTL += time.Microsecond - rest
	}
	if r.Value == nil {
		r.Value = []byte{}
	}
	return r
}

// Validate returns an ErrInvalid that names the field if r can't be put, or nil.
func (r Record) Validate() error {
	switch {
	case !validNamespace(r.Namespace):
		return Invalid("namespace", "must be 1 to %d bytes of a-z, 0-9, '.', '_' and '-'", MaxNamespace)
	case !validKey(r.Key):
		return Invalid("key", "must be 1 to %d bytes of UTF-8 without NUL", MaxRecordKey)
	case len(r.Value) > MaxRecordValue:
		return Invalid("value", "must be at most %d bytes", MaxRecordValue)
	case r.Version < 0:
		return Invalid("version", "must not be negative")
	case r.TTL < 0 || r.TTL > MaxTTL:
		return Invalid("ttl", "must be 0 to %v", MaxTTL)
	case !r.Expires.IsZero() && !validExpiry(r.Expires.UTC()):
		return Invalid("expires", "must be after the Unix epoch and before the year 10000")
	}
	return nil
}

func validNamespace(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return s != "" && len(s) <= MaxNamespace
}

func validKey(s string) bool {
	return s != "" && len(s) <= MaxRecordKey && utf8.ValidString(s) && strings.IndexByte(s, 0) < 0
}

func validExpiry(t time.Time) bool { return t.Year() >= 1970 && t.Year() <= 9999 && t.UnixMicro() > 0 }
