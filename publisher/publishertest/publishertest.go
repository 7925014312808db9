// Package publishertest holds any publisher to the promises of its port, over real HTTP: [Run] for one publisher,
// [Differential] for several beside each other on one channel.
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
	"github.com/motacilla-live/motacilla/publisher"
	"go.uber.org/goleak"
)

// New returns a fresh publisher of feed. Run calls its Start where it has one, and its Shutdown.
type New func(t testing.TB, feed *publisher.Feed) publisher.Publisher

// Follow reads one channel through the publisher: one poll, or one connection from its beginning to its end, at
// url, which is that of the publisher's first route for the channel, with its last slash. It asks with the cursor since
// and yields the updates as they come; the first one is what was asked for. It ends when the answer or the connection
// does; the reader then follows again with the cursor that it has got to, after a short pause where nothing new came.
//
// Its last pair may be an error: one of the root package where the wire says so (ErrNotFound for a channel that there is
// not, ErrInvalid, ErrUnavailable), any other for a connection that broke. It returns soon after ctx ends, with or
// without an error, and leaves nothing behind. A caller that stops, or takes long over an update, leaves the
// connection unread meanwhile.
type Follow func(ctx context.Context, url string, since motacilla.Revision) iter.Seq2[*motacilla.Update, error]

// Run exercises a publisher.
func Run(t *testing.T, fresh New, follow Follow) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, open func(settings) *site)
	}{
		{"Routes", testRoutes},
		{"Snapshot", testSnapshot},
		{"Changes", testChanges},
		{"EndedAndTitle", testState},
		{"ResumeAtEveryRevision", testResume},
		{"UnknownCursor", testUnknownCursor},
		{"UnknownChannel", testUnknownChannel},
		{"ChannelsApart", testChannelsApart},
		{"ManyReaders", testManyReaders},
		{"ManyChannels", testManyChannels},
		{"Joins", testJoins},
		{"StalledReader", testStalled},
		{"SlowReader", testMerged},
		{"RudeClients", testRudeClients},
		{"Methods", testMethods},
		{"Stats", testStats},
		{"BecomesPrivate", testPrivate},
		{"PermissionEnds", testExpires},
		{"ChannelDeleted", testDeleted},
		{"StoreOutage", testOutage},
		{"StoreBarrier", testBarrier},
		{"StoreLosesWrites", testLostWrites},
		{"Shutdown", testShutdown},
		{"ShutdownWhileReadersCome", testShutdownWhileTheyCome},
		{"Convergence", testConvergence},
	} {
		t.Run(test.name, func(t *testing.T) {
			ignore := goleak.IgnoreCurrent()
			var s *site
			test.run(t, func(o settings) *site {
				s = open(t, map[string]Entry{name: {fresh, follow}}, o)
				return s
			})
			s.close()
			if transport, ok := http.DefaultTransport.(*http.Transport); ok {
				transport.CloseIdleConnections()
			}
			if err := goleak.Find(ignore); err != nil && !t.Failed() {
				t.Errorf("goroutines are left after Shutdown: %v", err)
			}
		})
	}
}
