// Package receivertest holds receivers to what they promise, over real HTTP and a real store: one message makes one
// post however often and in whatever order it is delivered, and nothing that comes in does harm.
package receivertest

import (
	"net/http"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/receiver"
)

// Delivery is one thing that the source tells the receiver.
type Delivery struct {
	// Channel is the channel of the message. A receiver that maps the source's channels to others maps the suite's.
	Channel motacilla.ChannelID
	// Message numbers the messages of a test from 1; the source's message ID is made from it. The same number is the
	// same message.
	Message int
	// Version is 1 for the message itself and grows with its edits.
	Version int
	Text    string // one line of HTML as a user of the source wrote it
	Author  string
	// Post is the stored post that an edit or a removal is about, as it was when the message was stored first; zero for
	// a new message. It is for sources that name the post, or the state that an edit was made from.
	Post motacilla.Post
}

// Source says how the receiver's source speaks.
type Source struct {
	// New makes the receiver on a sink. It is called once per check.
	New func(tb testing.TB, sink receiver.Sink) receiver.Receiver

	// Post, Edit and Remove make the request by which the source delivers d to the server at base, signed as the
	// receiver wants it. They may be called from many goroutines. Repeating a delivery means making its request anew.
	Post, Edit, Remove func(base string, d Delivery) (*http.Request, error)

	// Bad makes requests that the receiver must refuse: malformed, unsigned, too large. d is a delivery that would be
	// good, of a channel that is there.
	Bad func(base string, d Delivery) ([]*http.Request, error)
}

// check is one rule, on a rig of its own.
type check struct {
	name string
	run  func(tb testing.TB, r *rig)
}

func checks() []check {
	return []check{
		{"URLsIsPure", urlsIsPure},
		{"PostIsStoredOnce", postIsStoredOnce},
		{"ConcurrentDeliveryMakesOnePost", concurrentDelivery},
		{"MessagesAreKeptApart", messagesAreKeptApart},
		{"EditReplacesInPlace", editReplacesInPlace},
		{"OlderVersionNeverOverwrites", olderVersionNeverOverwrites},
		{"EditRepeatedChangesNothing", editRepeated},
		{"RemovedMessageStaysRemoved", removedStaysRemoved},
		{"UnknownChannelIsNotMade", unknownChannel},
		{"UnknownMessageDoesNoHarm", unknownMessage},
		{"BadInputChangesNothing", badInput},
		{"ScriptNeverSurvives", scriptNeverSurvives},
		{"OutageIsNotAcknowledged", outage},
	}
}

// Run runs the suite, each rule a subtest with a store and a server of its own.
func Run(t *testing.T, s Source) {
	for _, c := range checks() {
		t.Run(c.name, func(t *testing.T) { c.run(t, newRig(t, s)) })
	}
}
