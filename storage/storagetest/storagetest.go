// Package storagetest holds stores to the contract of package storage. A store joins it in its own tests:
//
//	func TestStore(t *testing.T) {
//		storagetest.Run(t, open, nil)
//	}
//
//	func TestMover(t *testing.T) { // if it is a storage.Mover
//		storagetest.RunMover(t, open, nil)
//	}
//
//	func open(t *testing.T, clock motacilla.Clock) storage.Store {
//		return memory.New(&memory.Options{Clock: clock})
//	}
//
// Every subtest is one promise, on a store of its own. [RunShared] is for stores that several processes may open, and
// [RunDurable] for those that call themselves durable.
package storagetest

import (
	"context"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage"
)

// Options are the suite's settings; nil and zero fields mean the defaults.
type Options struct {
	Operations int           // how many operations the model-based test does at least; 100,000
	Patience   time.Duration // how long a hint, or the end of a Watch, may take; 2 minutes
}

func (o *Options) withDefaults() Options {
	filled := Options{Operations: 100_000, Patience: 2 * time.Minute}
	if o != nil && o.Operations > 0 {
		filled.Operations = o.Operations
	}
	if o != nil && o.Patience > 0 {
		filled.Patience = o.Patience
	}
	return filled
}

// Open returns an empty store that takes its time from clock, which may be called from any goroutine. The suite closes
// the store. It calls Open more than once in a subtest, for stores that share nothing. Open cleans up after itself by
// t.Cleanup.
type Open = func(t *testing.T, clock motacilla.Clock) storage.Store

// Run tests a store.
func Run(t *testing.T, open Open, o *Options) {
	options := o.withDefaults()
	run := func(name string, test func(s *suite)) { subtest(t, name, open, options, test) }

	run("Channels", testChannels)
	run("ChannelIDs", testChannelIDs)
	run("ChannelAnew", testChannelAnew)
	run("ChannelValidation", testChannelValidation)
	run("ChannelReplace", testChannelReplace)
	run("ChannelConflict", testChannelConflict)

	run("Posts", testPosts)
	run("PostFields", testPostFields)
	run("PostOrder", testPostOrder)
	run("PostFilters", testPostFilters)
	run("PostIdempotency", testPostIdempotency)
	run("PostTombstones", testPostTombstones)
	run("PostReplace", testPostReplace)
	run("PostConflict", testPostConflict)
	run("PostValidation", testPostValidation)

	run("Revisions", testRevisions)
	run("Changes", testChanges)
	run("ChangesOfChannel", testChangesOfChannel)
	run("ChangesTruncated", testChangesTruncated)
	run("ChangesUnknown", testChangesUnknown)
	run("ChangesOfDeleted", testChangesOfDeleted)
	run("Heads", testHeads)
	run("Forgetting", testForgetting)

	for _, r := range recordTests {
		run(r.name, r.test)
	}

	run("Ownership", testOwnership)
	run("Cancelled", testCancelled)
	run("Closed", testClosed)

	run("Watch", testWatch)
	run("WatchMany", testWatchMany)
	run("WatchEnds", testWatchEnds)
	t.Run("WatchLeaks", func(t *testing.T) { testWatchLeaks(t, open, options) })

	run("Snapshots", testSnapshots)
	run("Followers", testFollowers)
	run("Counter", testCounter)
	run("Edit", testEdit)
	run("Races", testRaces)
	run("Lives", testLives)

	run("Model", testModel)
}

// RunMover tests a store that is a storage.Mover. A store that passes Run may still fail it.
func RunMover(t *testing.T, open Open, o *Options) {
	options := o.withDefaults()
	options.Operations /= 4 // of the model-based test, which Run does without moves
	run := func(name string, test func(s *suite)) {
		subtest(t, name, open, options, func(s *suite) {
			s.asMover()
			test(s)
		})
	}
	run("Channels", testMoveChannels)
	run("Records", testMoveRecords)
	run("RoundTrip", testMoveRoundTrip)
	run("Lives", testMoveLives)
	run("Repeats", testMoveRepeats)
	run("Forgotten", testMoveForgotten)
	run("Validation", testMoveValidation)
	run("WhileWritten", testMoveWhileWritten)
	run("Atomic", testMoveAtomic)
	run("Watch", testMoveWatch)
	run("Ownership", testMoveOwnership)
	run("Cancelled", testMoveCancelled)
	run("Closed", testMoveClosed)
	run("Barrier", testBarrier)
	run("Model", testModel)
}

func subtest(t *testing.T, name string, open Open, o Options, test func(s *suite)) {
	t.Run(name, func(t *testing.T) {
		h := newHand()
		store := open(t, h.Now)
		t.Cleanup(func() {
			if err := store.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		})
		test(&suite{T: t, Store: store, ctx: t.Context(), hand: h, open: open, Options: o})
	})
}

// suite is what a subtest works with.
type suite struct {
	*testing.T
	storage.Store
	storage.Mover // nil in Run
	Options
	ctx  context.Context
	hand *hand
	open Open // one more, empty
}

// asMover makes the store's storage.Mover that of the suite.
func (s *suite) asMover() {
	s.Helper()
	mover, ok := s.Store.(storage.Mover)
	if !ok {
		s.Fatalf("the store is no storage.Mover")
	}
	s.Mover = mover
}
