package storage

import "github.com/motacilla-live/motacilla"

// The types of records are the root's, because what shares records between nodes does not import stores.
type (
	// Records is [motacilla.Records].
	Records = motacilla.Records
	// Record is [motacilla.Record].
	Record = motacilla.Record
	// Namespace is [motacilla.Namespace].
	Namespace = motacilla.Namespace
)

// The limits of a [Record], in bytes, and the longest TTL of one.
const (
	MaxNamespace   = motacilla.MaxNamespace
	MaxRecordKey   = motacilla.MaxRecordKey
	MaxRecordValue = motacilla.MaxRecordValue
	MaxTTL         = motacilla.MaxTTL
)

// PossibleRecord reports whether a record of this namespace and key can exist.
func PossibleRecord(namespace, key string) bool {
	return Record{Namespace: namespace, Key: key}.Validate() == nil
}

// KeyRange returns the keys of a List as a range, for stores: those from the first bound on and before the second, in
// byte order.
func KeyRange(prefix, after string) (from, to string) {
	to = "\xff" // no key in UTF-8 has it
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] < 0xff {
			to = prefix[:i] + string([]byte{prefix[i] + 1})
			break
		}
	}
	if after < prefix {
		return prefix, to
	}
	return after + "\x00", to // no key has a NUL
}
