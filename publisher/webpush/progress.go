package webpush

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/motacilla-live/motacilla"
)

// progressNamespace has how far jobs are. A record outlives its job, so that a post that is edited, or a job that is added again, does
// not tell anybody twice.
const progressNamespace = "web-push.progress"

// progress is how far a job is.
type progress struct {
	records motacilla.Records
	keep    time.Duration
	record  motacilla.Record // its Version is 0 before the first save

	page map[string]motacilla.Record // the readers by hash, if they were listed just now

	left []string // hashes of the readers who have not got the message
	last string   // the key of the page's last reader
	more bool     // the job of the next page was perhaps not added
}

type progressValue struct {
	Left []string `json:"left,omitempty"`
	Last string   `json:"last,omitempty"`
	More bool     `json:"more,omitempty"`
}

// saveEvery is after how many messages the progress of a page is written. If a node dies, so many readers may get a message twice.
// Browsers then show it once, because both have the same tag.
const saveEvery = 25

// saveTimeout is for a write of progress, which is made although the queue stops.
const saveTimeout = 5 * time.Second

// progressOf reads how far a job is.
func (p *Publisher) progressOf(ctx context.Context, j job) (*progress, error) {
	at := &progress{records: p.records, keep: p.o.TTL + 24*time.Hour}
	r, err := at.records.Get(ctx, progressNamespace, j.key())
	if errors.Is(err, motacilla.ErrNotFound) {
		at.record = motacilla.Record{Namespace: progressNamespace, Key: j.key()}
		return at, nil
	}
	if err != nil {
		return nil, err
	}
	var v progressValue
	if err := json.Unmarshal(r.Value, &v); err != nil {
		return nil, err
	}
	at.record, at.left, at.last, at.more = r, v.Left, v.Last, v.More
	return at, nil
}

// done reports whether nothing of the job is left.
func (at *progress) done() bool { return at.record.Version != 0 && len(at.left) == 0 }

// save writes the progress. ErrConflict says that another node does the job.
func (at *progress) save(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTimeout)
	defer cancel()
	value, err := json.Marshal(progressValue{at.left, at.last, at.more})
	if err != nil {
		return err
	}
	next := at.record
	next.Value, next.TTL = value, at.keep
	stored, err := at.records.Put(ctx, next)
	if err == nil {
		at.record = stored
	}
	return err
}
