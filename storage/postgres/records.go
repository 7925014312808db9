package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage"
)

const (
	recordColumns = `namespace, key, value, version, expires`
	unexpired     = ` (expires IS NULL OR expires > (SELECT coalesce($3::bigint, motacilla_now())))`

	qGetRecord   = `SELECT ` + recordColumns + ` FROM motacilla_records WHERE namespace = $1 AND key = $2 AND` + unexpired
	qListRecords = `SELECT ` + recordColumns + ` FROM motacilla_records WHERE namespace = $1 AND key >= $2 AND` + unexpired +
		` AND key < $4 ORDER BY key LIMIT $5`
	qNamespaces   = `SELECT name, born, version FROM motacilla_namespaces WHERE name > $1 ORDER BY name LIMIT $2`
	qPutRecord    = `SELECT issued, until FROM motacilla_put_record($1, $2, $3, $4, $5, $6, $7)`
	qDeleteRecord = `SELECT motacilla_delete_record($1, $2, $3, $4)`
)

// records is the storage.Records of a Store or a Tx.
type records struct{ session }

var _ storage.Records = records{}

// Records returns the store's records.
func (s session) Records() storage.Records { return records{s} }

// Get returns the record.
func (r records) Get(ctx context.Context, namespace, key string) (found storage.Record, err error) {
	err = r.run.read(ctx, func(q *queries) (err error) {
		if !storage.PossibleRecord(namespace, key) {
			return motacilla.ErrNotFound
		}
		found, err = row(q, scanRecord, qGetRecord, namespace, []byte(key), r.own())
		return err
	}, "get record %q of %q", key, namespace)
	return found, err
}

// Put stores the record, in one round trip.
func (r records) Put(ctx context.Context, rec storage.Record) (storage.Record, error) {
	stored := rec.Normalize()
	err := r.run.write(ctx, func(q *queries) error {
		if err := rec.Validate(); err != nil {
			return err
		}
		var lives *int64
		if stored.TTL > 0 {
			micros := stored.TTL.Microseconds()
			lives = &micros
		}
		put, err := row(q, scanPut, qPutRecord, stored.Namespace, []byte(stored.Key), stored.Value, rec.Version,
			ended(stored.Expires), lives, r.own())
		if err != nil {
			return err
		}
		stored.Version, stored.Expires, stored.TTL = put.version, put.expires, 0
		return nil
	}, "put record %q of %q", rec.Key, rec.Namespace)
	if err != nil {
		return storage.Record{}, err
	}
	stored.Value = append([]byte{}, stored.Value...)
	return stored, nil
}

// Delete removes the record of this version, in one round trip.
func (r records) Delete(ctx context.Context, namespace, key string, version int64) error {
	return r.run.write(ctx, func(q *queries) error {
		if !storage.PossibleRecord(namespace, key) {
			return motacilla.ErrNotFound
		}
		there, err := row(q, scanIssued, qDeleteRecord, namespace, []byte(key), version, r.own())
		if err == nil && int64(there) != version {
			err = motacilla.ErrConflict
		}
		return err
	}, "delete record %q of %q", key, namespace)
}

// List returns at most limit records with the prefix after the given key.
func (r records) List(
	ctx context.Context, namespace, prefix, after string, limit int,
) (found []storage.Record, err error) {
	from, to := storage.KeyRange(prefix, after)
	err = r.run.read(ctx, func(q *queries) (err error) {
		if !storable(namespace) {
			return nil
		}
		found, err = rows(q, scanRecord, qListRecords, namespace, []byte(from), r.own(), []byte(to), most(limit))
		return err
	}, "list records of %q", namespace)
	if err != nil {
		return nil, err
	}
	return found, nil
}

// Namespaces returns at most limit namespaces after the given one.
func (r records) Namespaces(ctx context.Context, after string, limit int) (found []storage.Namespace, err error) {
	err = r.run.read(ctx, func(q *queries) (err error) {
		found, err = rows(q, func(from pgx.Row) (n storage.Namespace, err error) {
			err = from.Scan(&n.Name, &n.Born, &n.Version)
			return n, err
		}, qNamespaces, place(after), most(limit))
		return err
	}, "list namespaces")
	if err != nil {
		return nil, err
	}
	return found, nil
}

func scanRecord(from pgx.Row) (rec storage.Record, err error) {
	var expires *int64
	var key []byte
	if err := from.Scan(&rec.Namespace, &key, &rec.Value, &rec.Version, &expires); err != nil {
		return storage.Record{}, notFound(err)
	}
	rec.Key, rec.Expires = string(key), expiry(expires)
	return rec.Normalize(), nil
}

// putRow is what motacilla_put_record returns.
type putRow struct {
	version int64
	expires time.Time
}

func scanPut(from pgx.Row) (p putRow, err error) {
	var version, expires *int64
	if err := from.Scan(&version, &expires); err != nil {
		return p, err
	}
	if version == nil {
		return p, motacilla.ErrConflict
	}
	return putRow{*version, expiry(expires)}, nil
}

func expiry(micros *int64) time.Time {
	if micros == nil {
		return time.Time{}
	}
	return time.UnixMicro(*micros).UTC()
}
