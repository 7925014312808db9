package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"math"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage"
)

// sweep is how many expired records a write removes at most.
const sweep = 16

const (
	recordColumns = `namespace, key, value, version, expires`
	unexpired     = ` (expires IS NULL OR expires > ?)`

	qGetRecord     = `SELECT ` + recordColumns + ` FROM records WHERE namespace = ? AND key = ? AND` + unexpired
	qRecordVersion = `SELECT version FROM records WHERE namespace = ? AND key = ? AND` + unexpired
	qListRecords   = `SELECT ` + recordColumns + ` FROM records WHERE namespace = ? AND key >= ? AND key < ? AND` +
		unexpired + ` ORDER BY key LIMIT ?`
	qNamespace  = `SELECT name, born, version FROM namespaces WHERE name = ?`
	qNamespaces = `SELECT name, born, version FROM namespaces WHERE name > ? ORDER BY name LIMIT ?`

	qSetNamespace = `INSERT INTO namespaces (name, born, version) VALUES (?1, ?2, ?2)` +
		` ON CONFLICT (name) DO UPDATE SET version = excluded.version`
	qPutRecord  = `INSERT OR REPLACE INTO records (` + recordColumns + `) VALUES (?, ?, ?, ?, ?)`
	qDropRecord = `DELETE FROM records WHERE namespace = ? AND key = ?`
	qSweep      = `DELETE FROM records WHERE rowid IN (SELECT rowid FROM records WHERE namespace = ? AND expires <= ?` +
		` AND expires IS NOT NULL ORDER BY expires LIMIT ?)`
)

var (
	recordReads  = []string{qGetRecord, qRecordVersion, qListRecords, qNamespace, qNamespaces}
	recordWrites = []string{qSetNamespace, qPutRecord, qDropRecord, qSweep}
)

// records is the storage.Records of a Store or a Tx.
type records struct{ session }

var _ storage.Records = records{}

// Records returns the store's records.
func (s session) Records() storage.Records { return records{s} }

// Get returns the record.
func (r records) Get(ctx context.Context, namespace, key string) (found storage.Record, err error) {
	err = r.snapshot(ctx, func(q *queries) (err error) {
		if !storage.PossibleRecord(namespace, key) {
			return motacilla.ErrNotFound
		}
		found, err = scanRecord(q.row(qGetRecord, namespace, key, q.clock.Now().UnixMicro()))
		return err
	}, "get record %q of %q", key, namespace)
	return found, err
}

// Put stores the record.
func (r records) Put(ctx context.Context, rec storage.Record) (storage.Record, error) {
	stored := rec.Normalize()
	stored.Value = append([]byte{}, stored.Value...)
	return change(ctx, r.run, func(q *queries) (storage.Record, error) {
		if err := rec.Validate(); err != nil {
			return storage.Record{}, err
		}
		now := q.clock.Now()
		version, err := q.recordVersion(stored.Namespace, stored.Key, now)
		switch {
		case err != nil:
			return storage.Record{}, err
		case version != stored.Version:
			return storage.Record{}, motacilla.ErrConflict
		}
		if stored.TTL > 0 {
			stored.Expires, stored.TTL = now.Truncate(time.Microsecond).Add(stored.TTL), 0
		}
		if stored.Version, err = q.issueVersion(stored.Namespace, now); err != nil {
			return storage.Record{}, err
		}
		return stored, q.exec(qPutRecord, stored.Namespace, stored.Key, stored.Value, stored.Version, ended(stored.Expires))
	}, "put record %q of %q", rec.Key, rec.Namespace)
}

// Delete removes the record of this version.
func (r records) Delete(ctx context.Context, namespace, key string, version int64) error {
	_, err := change(ctx, r.run, func(q *queries) (int64, error) {
		if !storage.PossibleRecord(namespace, key) {
			return 0, motacilla.ErrNotFound
		}
		now := q.clock.Now()
		there, err := q.recordVersion(namespace, key, now)
		switch {
		case err != nil:
			return 0, err
		case there == 0:
			return 0, motacilla.ErrNotFound
		case there != version:
			return 0, motacilla.ErrConflict
		}
		issued, err := q.issueVersion(namespace, now)
		if err != nil {
			return 0, err
		}
		return issued, q.exec(qDropRecord, namespace, key)
	}, "delete record %q of %q", key, namespace)
	return err
}

// List returns at most limit records with the prefix after the given key.
func (r records) List(
	ctx context.Context, namespace, prefix, after string, limit int,
) (found []storage.Record, err error) {
	limit = cmp.Or(max(limit, 0), motacilla.DefaultLimit)
	from, to := storage.KeyRange(prefix, after)
	err = r.snapshot(ctx, func(q *queries) error {
		rows, err := q.rows(qListRecords, namespace, from, to, q.clock.Now().UnixMicro(), min(limit, math.MaxInt32))
		found, err = list(rows, err, scanRecord)
		return err
	}, "list records of %q", namespace)
	if err != nil {
		return nil, err
	}
	return found, nil
}

// Namespaces returns at most limit namespaces after the given one.
func (r records) Namespaces(ctx context.Context, after string, limit int) (found []storage.Namespace, err error) {
	limit = cmp.Or(max(limit, 0), motacilla.DefaultLimit)
	err = r.snapshot(ctx, func(q *queries) error {
		rows, err := q.rows(qNamespaces, after, min(limit, math.MaxInt32))
		found, err = list(rows, err, scanNamespace)
		return err
	}, "list namespaces")
	if err != nil {
		return nil, err
	}
	return found, nil
}

// recordVersion returns the version of a record, or 0 if there is none.
func (q *queries) recordVersion(namespace, key string, now time.Time) (version int64, err error) {
	err = q.row(qRecordVersion, namespace, key, now.UnixMicro()).Scan(&version)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return version, err
}

// issueVersion gives a write to the namespace its version. It also removes some of the records that have expired.
func (q *queries) issueVersion(namespace string, now time.Time) (int64, error) {
	n, err := scanNamespace(q.row(qNamespace, namespace))
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, err
	}
	version := max(n.Version+1, now.UnixMicro())
	if err := q.exec(qSetNamespace, namespace, version); err != nil {
		return 0, err
	}
	return version, q.exec(qSweep, namespace, now.UnixMicro(), sweep)
}

func scanNamespace(from scanner) (n storage.Namespace, err error) {
	err = from.Scan(&n.Name, &n.Born, &n.Version)
	return n, err
}

func scanRecord(from scanner) (rec storage.Record, err error) {
	var expires sql.NullInt64
	if err := from.Scan(&rec.Namespace, &rec.Key, &rec.Value, &rec.Version, &expires); err != nil {
		return storage.Record{}, notFound(err)
	}
	if expires.Valid {
		rec.Expires = time.UnixMicro(expires.Int64).UTC()
	}
	return rec.Normalize(), nil
}
