package sqlite

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/motacilla-live/motacilla"
)

// channelRow is a channel with what only the store knows of it.
type channelRow struct {
	motacilla.Channel
	born    motacilla.Revision
	deleted bool
}

type scanner interface{ Scan(into ...any) error }

func scanChannel(from scanner) (channelRow, error) {
	var c channelRow
	var created int64
	var ended sql.NullInt64
	err := from.Scan(&c.ID, &c.Title, &c.Access, &created, &ended, &c.Head, &c.Changed, &c.born, &c.deleted)
	c.Created = time.UnixMicro(created).UTC()
	if ended.Valid {
		c.Ended = time.UnixMicro(ended.Int64).UTC()
	}
	return c, notFound(err)
}

func scanPost(from scanner) (motacilla.Post, error) {
	var p motacilla.Post
	var created, modified int64
	var content string
	err := from.Scan(&p.ID, &p.MessageID, &p.SourceVersion, &p.Source, &p.Author, &created, &modified, &p.Show,
		&p.Pinned, &p.KeyEvent, &content, &p.Revision)
	if err != nil {
		return motacilla.Post{}, notFound(err)
	}
	p.Created, p.Modified = time.UnixMicro(created).UTC(), time.UnixMicro(modified).UTC()
	if p.Content, err = motacilla.TrustedContent([]byte(content)); err != nil {
		return motacilla.Post{}, fmt.Errorf("%w: content of post %q: %w", motacilla.ErrUnavailable, p.ID, err)
	}
	return p, nil
}

// list scans every row.
func list[T any](rows *sql.Rows, err error, scan func(scanner) (T, error)) ([]T, error) {
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var all []T
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}

func scanRevision(from scanner) (rev motacilla.Revision, err error) {
	err = from.Scan(&rev)
	return rev, err
}

func scanRemoval(from scanner) (r motacilla.Removal, err error) {
	err = from.Scan(&r.ID, &r.Revision)
	return r, err
}

// tombRow is a tombstone with the revision of the removal.
type tombRow struct {
	motacilla.Tombstone
	revision motacilla.Revision
}

func scanTomb(from scanner) (t tombRow, err error) {
	err = from.Scan(&t.ID, &t.MessageID, &t.revision)
	return t, err
}

func scanMoved(from scanner) (m motacilla.Moved, err error) {
	err = from.Scan(&m.Channel, &m.Head, &m.Deleted)
	return m, err
}

// encode returns JSON that motacilla.TrustedContent decodes. Content that is only text, as in most posts, has a faster way.
func encode(content []motacilla.Block) (string, error) {
	for _, b := range content {
		if b.Type != motacilla.TextBlock {
			data, err := json.Marshal(content)
			return string(data), err
		}
	}
	out := []byte{'['}
	for i, b := range content {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, `{"type":"text","value":{"text":`...)
		out = append(motacilla.AppendJSONString(out, b.Text.String()), '}', '}')
	}
	return string(append(out, ']')), nil
}

func ended(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

func notFound(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return motacilla.ErrNotFound
	}
	return err
}

// is reports whether a query finds a row.
func is(row *sql.Row) (bool, error) {
	var one int
	err := row.Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}
