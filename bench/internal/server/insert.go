//go:build linux

package server

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/motacilla-live/motacilla"
	_ "modernc.org/sqlite" // the driver of storage/sqlite
)

// Inserting configures the bare loop of INSERT and COMMIT.
type Inserting struct {
	Batch int           `json:"batch"` // rows in a transaction
	Text  string        `json:"text"`  // of each row
	Lasts time.Duration `json:"lasts"`
}

// Inserted is the result of the loop.
type Inserted struct {
	Rate  float64       `json:"rate"` // rows a second
	P50   time.Duration `json:"p50"`  // of a transaction
	Error string        `json:"error,omitempty"`
}

// RunInsert runs a bare loop of batched INSERT and COMMIT, as a process of its own. It has one table, one index and one
// prepared statement, the durability of storage/sqlite (write-ahead log, synchronous FULL), and no HTTP.
func RunInsert(in io.Reader, out io.Writer) error {
	var how Inserting
	if err := json.NewDecoder(in).Decode(&how); err != nil {
		return fmt.Errorf("insert: %w", err)
	}
	got, err := insert(how)
	if err != nil {
		got.Error = err.Error()
	}
	return json.NewEncoder(out).Encode(got)
}

func insert(how Inserting) (got Inserted, err error) {
	dir, err := os.MkdirTemp("", "motacilla-bench")
	if err != nil {
		return got, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "bare.db")+
		"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_txlock=immediate")
	if err != nil {
		return got, err
	}
	defer func() { _ = db.Close() }()
	db.SetMaxOpenConns(1)
	if _, err := db.Exec(`CREATE TABLE posts (channel TEXT, id TEXT, message_id TEXT, source TEXT, author TEXT, created INTEGER,
		modified INTEGER, show INTEGER, content TEXT, revision INTEGER, PRIMARY KEY (channel, id)) STRICT`); err != nil {
		return got, err
	}
	put, err := db.Prepare(`INSERT INTO posts VALUES (?, ?, '', 'webapp', '', ?, ?, 1, ?, ?)`)
	if err != nil {
		return got, err
	}
	defer func() { _ = put.Close() }()
	content, err := json.Marshal([]motacilla.Block{motacilla.PlainText(how.Text)})
	if err != nil {
		return got, err
	}
	var took []time.Duration
	rows := 0
	began := time.Now()
	for time.Since(began) < how.Lasts {
		start := time.Now()
		tx, err := db.Begin()
		if err != nil {
			return got, err
		}
		stmt := tx.Stmt(put)
		for range how.Batch {
			now := time.Now()
			at := now.UnixMicro()
			if _, err := stmt.Exec("bench", string(motacilla.NewPostID(now)), at, at, string(content), at); err != nil {
				return got, err
			}
		}
		if err := tx.Commit(); err != nil {
			return got, err
		}
		rows += how.Batch
		took = append(took, time.Since(start))
	}
	got.Rate = float64(rows) / time.Since(began).Seconds()
	slices.Sort(took)
	got.P50 = took[len(took)/2]
	return got, nil
}
