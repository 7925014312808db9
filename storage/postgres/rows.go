package postgres

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/motacilla-live/motacilla"
)

// channelRow is a channel with what only the store knows of it.
type channelRow struct {
	motacilla.Channel
	born    motacilla.Revision
	deleted bool
}

func scanChannel(from pgx.Row) (channelRow, error) { return scanWith(from) }

// scanWith scans a channel, and the columns before it into before.
func scanWith(from pgx.Row, before ...any) (channelRow, error) {
	var c channelRow
	var created int64
	var ended *int64
	err := from.Scan(append(before, &c.ID, &c.Title, &c.Access, &created, &ended, &c.Head, &c.Changed, &c.born, &c.deleted)...)
	c.Created = time.UnixMicro(created).UTC()
	if ended != nil {
		c.Ended = time.UnixMicro(*ended).UTC()
	}
	return c, notFound(err)
}

// scanLiving scans a channel that is not deleted.
func scanLiving(from pgx.Row) (channelRow, error) {
	c, err := scanChannel(from)
	if err == nil && c.deleted {
		err = motacilla.ErrNotFound
	}
	if err != nil {
		return channelRow{}, err
	}
	return c, nil
}

func scanPost(from pgx.Row) (motacilla.Post, error) {
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

// answer is what motacilla_create_post and motacilla_replace_post return.
type answer struct {
	outcome int
	post    motacilla.Post // what the function tells of it
}

// The outcomes of these functions.
const (
	done = iota
	there
	removed
	same
	conflicts
)

func scanAnswer(from pgx.Row) (a answer, err error) {
	var p struct {
		id, message, source, author, content *string
		version, created, modified, revision *int64
		show, pinned, key                    *bool
	}
	err = from.Scan(&a.outcome, &p.id, &p.message, &p.version, &p.source, &p.author, &p.created, &p.modified, &p.show,
		&p.pinned, &p.key, &p.content, &p.revision)
	if err != nil || a.outcome == removed {
		return a, notFound(err)
	}
	a.post.ID, a.post.Revision = motacilla.PostID(*p.id), motacilla.Revision(*p.revision)
	if p.message == nil {
		return a, nil
	}
	a.post = motacilla.Post{
		ID: a.post.ID, MessageID: *p.message, SourceVersion: *p.version, Source: *p.source, Author: *p.author,
		Created: time.UnixMicro(*p.created).UTC(), Modified: time.UnixMicro(*p.modified).UTC(),
		Show: *p.show, Pinned: *p.pinned, KeyEvent: *p.key, Revision: a.post.Revision,
	}
	if p.content == nil {
		return a, nil
	}
	if a.post.Content, err = motacilla.TrustedContent([]byte(*p.content)); err != nil {
		return a, fmt.Errorf("%w: content of post %q: %w", motacilla.ErrUnavailable, a.post.ID, err)
	}
	return a, nil
}

func scanRevision(from pgx.Row) (rev motacilla.Revision, err error) {
	err = from.Scan(&rev)
	return rev, err
}

// scanIssued scans a revision. It is null if there was nothing to change; then the error is ErrNotFound.
func scanIssued(from pgx.Row) (motacilla.Revision, error) {
	var rev *motacilla.Revision
	if err := from.Scan(&rev); err != nil {
		return 0, err
	}
	if rev == nil {
		return 0, motacilla.ErrNotFound
	}
	return *rev, nil
}

func scanBool(from pgx.Row) (is bool, err error) {
	err = from.Scan(&is)
	return is, err
}

func scanRemoval(from pgx.Row) (r motacilla.Removal, err error) {
	err = from.Scan(&r.ID, &r.Revision)
	return r, err
}

func scanMoved(from pgx.Row) (m motacilla.Moved, err error) {
	err = from.Scan(&m.Channel, &m.Head, &m.Deleted)
	return m, err
}

// list scans every row.
func list[T any](rows pgx.Rows, err error, scan func(pgx.Row) (T, error)) ([]T, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
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

func encode(content []motacilla.Block) (string, error) {
	data, err := json.Marshal(content)
	return string(data), err
}

func ended(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	micros := t.UnixMicro()
	return &micros
}

func notFound(err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return motacilla.ErrNotFound
	}
	return err
}

// storable reports whether PostgreSQL accepts all of these as text. What it does not accept is in no row.
func storable(texts ...string) bool {
	for _, s := range texts {
		if !utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0 {
			return false
		}
	}
	return true
}

// place returns a text that PostgreSQL accepts and that sorts among IDs, which are printable ASCII, where s does.
func place(s string) string {
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == 0:
			return s[:i] + "\x01"
		case r == utf8.RuneError && size == 1:
			return s[:i] + "\x7f"
		}
		i += size
	}
	return s
}
