// Package storagetest holds stores to the contract of package storage. A store joins it in its own tests:
//
//	func TestStore(t *testing.T) {
//		storagetest.Run(t, func(t *testing.T, clock motacilla.Clock) storage.Store {
//			return memory.New(&memory.Options{Clock: clock})
//		}, nil)
//	}
//
// Every subtest is one promise, on a store of its own.
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
	Operations int           // of the model-based test, at least so many; 100,000
	Patience   time.Duration // how long a hint may take to come; 10 s
}

func (o *Options) withDefaults() Options {
	filled := Options{Operations: 100_000, Patience: 10 * time.Second}
	if o != nil && o.Operations > 0 {
		filled.Operations = o.Operations
	}
	if o != nil && o.Patience > 0 {
		filled.Patience = o.Patience
	}
	return filled
}

// Run tests a store. open returns an empty one that takes its time from clock, which may be called from any goroutine;
// the suite closes it. It is called more than once in a subtest, for stores that share nothing. What else there is to clean up is open's, by t.Cleanup.
func Run(t *testing.T, open func(t *testing.T, clock motacilla.Clock) storage.Store, o *Options) {
	options := o.withDefaults()
	run := func(name string, test func(s *suite)) {
		t.Run(name, func(t *testing.T) {
			h := newHand()
			store := open(t, h.Now)
			t.Cleanup(func() {
				if err := store.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
			})
			test(&suite{T: t, Store: store, ctx: t.Context(), hand: h, open: open, Options: options})
		})
	}
	run("Channels", testChannels)
	run("ChannelIDs", testChannelIDs)
	run("ChannelAnew", testChannelAnew)
	run("ChannelValidation", testChannelValidation)
	run("ChannelEdit", testChannelEdit)

	run("Posts", testPosts)
	run("PostFields", testPostFields)
	run("PostOrder", testPostOrder)
	run("PostFilters", testPostFilters)
	run("PostIdempotency", testPostIdempotency)
	run("PostTombstones", testPostTombstones)
	run("PostEdit", testPostEdit)
	run("PostSourceVersion", testPostSourceVersion)
	run("PostCheck", testPostCheck)
	run("PostValidation", testPostValidation)

	run("Revisions", testRevisions)
	run("Changes", testChanges)
	run("ChangesOfChannel", testChangesOfChannel)
	run("ChangesTruncated", testChangesTruncated)
	run("ChangesUnknown", testChangesUnknown)
	run("ChangesOfDeleted", testChangesOfDeleted)
	run("Heads", testHeads)
	run("Forgetting", testForgetting)

	run("MoveChannels", testMoveChannels)
	run("MoveRecords", testMoveRecords)
	run("MoveRoundTrip", testMoveRoundTrip)
	run("MoveLives", testMoveLives)
	run("MoveRepeats", testMoveRepeats)
	run("MoveForgotten", testMoveForgotten)
	run("MoveValidation", testMoveValidation)
	run("MoveWhileWritten", testMoveWhileWritten)
	run("MoveAtomic", testMoveAtomic)
	run("MoveWatch", testMoveWatch)
	run("MoveOwnership", testMoveOwnership)
	run("Barrier", testBarrier)

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
	run("Races", testRaces)
	run("Lives", testLives)

	run("Model", testModel)
}

// suite is what a subtest works with.
type suite struct {
	*testing.T
	storage.Store
	Options
	ctx  context.Context
	hand *hand
	open func(t *testing.T, clock motacilla.Clock) storage.Store // one more, empty
}
