package sqlite

import (
	"context"
	"fmt"
	"time"

	"github.com/motacilla-live/motacilla"
	"go.uber.org/zap"
)

const (
	lookout = 500 * time.Millisecond // how often Watch looks for writes of other connections
	soonest = 2 * time.Millisecond   // when it looks first after a write in a transaction of the app; then after half as long again
)

// Watch calls notify for every channel that moves. A write through this Store is told at once, before the write
// returns. One by In is told soon after the commit. A write of another process is told within 2 s. After Close, Watch returns
// ErrClosed.
func (s *Store) Watch(ctx context.Context, notify func(motacilla.Moved)) error {
	others := others{version: -1}
	look := func(tell func(motacilla.Moved)) {
		if err := others.look(ctx, s, tell); err != nil && ctx.Err() == nil && s.gate.Open() {
			s.logger.Warn("can't look for writes of other processes", zap.Error(err))
		}
	}
	joined := s.joins.next()
	look(nil) // learns where the channels are
	tell, end := s.watchers.Begin(notify)
	defer end()
	pause := lookout
	next := time.NewTimer(pause)
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.done:
			return fmt.Errorf("watch: %w", motacilla.ErrClosed)
		case <-joined:
			joined = s.joins.next()
			if pause > soonest {
				pause = soonest
				next.Reset(pause)
			}
		case <-next.C:
			began := time.Now()
			look(tell)
			pause = min(max(pause*3/2, 4*time.Since(began)), lookout) // looking takes at most a fifth of the time
			next.Reset(pause)
		}
	}
}

// others is what a Watch knows of other processes' writes.
type others struct {
	version int64 // SQLite's data_version of the writing connection: it changes when another connection writes
	heads   map[motacilla.ChannelID]motacilla.Moved
}

// look tells of channels that have moved since the last look, if another process has written. The first look only
// learns the heads.
func (o *others) look(ctx context.Context, s *Store, tell func(motacilla.Moved)) error {
	version, err := s.dataVersion(ctx)
	if err != nil || version == o.version {
		return err
	}
	var moved []motacilla.Moved
	err = s.snapshot(ctx, func(q *queries) error {
		rows, err := q.rows(qHeads)
		moved, err = list(rows, err, scanMoved)
		return err
	}, "look for writes")
	if err != nil {
		return err
	}
	heads := make(map[motacilla.ChannelID]motacilla.Moved, len(moved))
	for _, m := range moved {
		heads[m.Channel] = m
		if tell != nil && o.heads[m.Channel] != m {
			tell(m)
		}
	}
	o.version, o.heads = version, heads
	return nil
}

func (s *Store) dataVersion(ctx context.Context) (version int64, err error) {
	if err := s.gate.Begin(ctx); err != nil {
		return 0, err
	}
	defer s.gate.Done()
	bounded, cancel := context.WithTimeout(ctx, s.file.timeout)
	defer cancel()
	err = s.file.writes[qVersion].QueryRowContext(bounded).Scan(&version)
	return version, s.file.fault(ctx, err)
}
