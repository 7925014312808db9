// Package publishertest tests the promises of the publisher port, over real HTTP. [Run] tests one publisher. [Differential]
// compares several publishers on one channel. [RunClient] tests a client. [Site] is a server for a publisher's own tests.
//
//	func TestConformance(t *testing.T) {
//		publishertest.Run(t, func(t testing.TB, feed *publisher.Feed) publisher.Publisher {
//			return mine.New(feed, nil)
//		}, follow)
//	}
package publishertest

import (
	"context"
	"iter"
	"net/http"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/leaktest"
	"github.com/motacilla-live/motacilla/publisher"
	"go.uber.org/goleak"
)

// New returns a new publisher of feed. Run calls its Start, if it has one, and its Shutdown.
type New func(t testing.TB, feed *publisher.Feed) publisher.Publisher

// Follow reads one channel through the publisher: one poll, or one connection from its beginning to its end. url is that of
// the publisher's first route, with the channel and a last slash. Follow asks with the cursor since and yields the updates
// as they come. The first one is the answer to since. Follow ends with the answer or the connection. The suite then calls it
// again with the new cursor, after a short pause if there was nothing new.
//
// The last pair may be an error. It must be one of the root package if the answer says so: ErrNotFound if there is no such
// channel, ErrInvalid, ErrUnavailable. It may be any error if the connection breaks. Follow must return soon after ctx ends,
// with or without an error, and leave no goroutine. While its caller handles an update, Follow must not read on.
type Follow func(ctx context.Context, url string, since motacilla.Revision) iter.Seq2[*motacilla.Update, error]

// Run tests a publisher.
func Run(t *testing.T, fresh New, follow Follow) {
	run(t, fresh, follow, append(clientCases(), serverCases()...), false)
}

// RunClient tests a client, which is follow, of a publisher that Run tests elsewhere. It runs the cases of Run in which the
// client can do something wrong.
func RunClient(t *testing.T, fresh New, follow Follow) { run(t, fresh, follow, clientCases(), false) }

// testCase is a case of the suite.
type testCase struct {
	name string
	run  func(t *testing.T, open func(settings) *site)
}

// clientCases are the cases in which a client can do something wrong.
func clientCases() []testCase {
	return []testCase{
		{"Snapshot", testSnapshot},
		{"Changes", testChanges},
		{"EndedAndTitle", testState},
		{"ResumeAtEveryRevision", testResume},
		{"UnknownCursor", testUnknownCursor},
		{"UnknownChannel", testUnknownChannel},
		{"ChannelsApart", testChannelsApart},
		{"SlowReader", testMerged},
		{"BecomesPrivate", testPrivate},
		{"PermissionEnds", testExpires},
		{"ChannelDeleted", testDeleted},
		{"StoreOutage", testOutage},
		{"StoreBarrier", testBarrier},
		{"StoreLosesWrites", testLostWrites},
		{"Shutdown", testShutdown},
		{"Convergence", testConvergence},
	}
}

// serverCases are the cases of a publisher alone: they have many readers, or make requests of their own.
func serverCases() []testCase {
	return []testCase{
		{"Routes", testRoutes},
		{"ManyReaders", testManyReaders},
		{"ManyChannels", testManyChannels},
		{"Joins", testJoins},
		{"StalledReader", testStalled},
		{"RudeClients", testRudeClients},
		{"Methods", testMethods},
		{"Stats", testStats},
		{"PermissionRevoked", testRevoked},
		{"ShutdownWhileReadersCome", testShutdownWhileTheyCome},
	}
}

func run(t *testing.T, fresh New, follow Follow, list []testCase, overTLS bool) {
	for _, test := range list {
		t.Run(test.name, func(t *testing.T) {
			ignore := goleak.IgnoreCurrent()
			var s *site
			test.run(t, func(o settings) *site {
				o.tls = overTLS
				s = open(t, map[string]Entry{name: {fresh, follow}}, o)
				return s
			})
			s.close()
			if transport, ok := http.DefaultTransport.(*http.Transport); ok {
				transport.CloseIdleConnections()
			}
			if err := leaktest.Find(patience, ignore); err != nil && !t.Failed() {
				t.Errorf("goroutines are left after Shutdown: %v", err)
			}
		})
	}
}
