// Package receivertest is the conformance suite of receivers. It runs over real HTTP and a real store. One message must
// make one post, however often and in whatever order it is delivered, and no input must do harm. It is for receivers that
// a source calls, and for those that pull: see Source.Deliver.
package receivertest

import (
	"net/http"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/receiver"
)

// Delivery is one message, edit or removal that the source sends to the receiver.
type Delivery struct {
	// Channel is the message's channel. A receiver that maps the source's channels must map this one to itself.
	Channel motacilla.ChannelID
	// Message numbers the messages of a test from 1. The source makes its message ID from it: deliveries with the same
	// number are about the same message.
	Message int
	// Version is 1 for the message, and grows with its edits.
	Version int
	Text    string // one line of HTML, as a user of the source wrote it
	Author  string
	// Post is the post that an edit or a removal is about, as it was first stored. It is zero for a new message, and for an
	// edit or a removal that comes before its message. It is for sources whose requests name the post, or the revision that the
	// edit was made from.
	Post motacilla.Post
}

// Source makes the requests of a receiver's source.
type Source struct {
	// New returns a new receiver that writes into kit.Sink. It is called once for each check.
	New func(tb testing.TB, kit *receiver.Kit) receiver.Receiver

	// Post, Edit and Remove make the request by which the source delivers d to the server at base, signed as the
	// receiver wants it. They are called from many goroutines at once. To repeat a delivery, the suite makes its request
	// again. A source whose edits and removals name the post can't make one without: it returns nil, and the suite leaves that
	// check out.
	Post, Edit, Remove func(base string, d Delivery) (*http.Request, error)

	// Bad makes requests that the receiver must refuse: malformed, unsigned, too large. d is a delivery that would be
	// accepted, on a channel that exists.
	Bad func(base string, d Delivery) ([]*http.Request, error)

	// Deliver brings a request of Post, Edit, Remove or Bad to the receiver that New has returned, and returns a status, as a
	// receiver that is called would answer: below 400 if the receiver has taken it, below 500 if the receiver refused it, and
	// otherwise if it was not taken and has to be delivered again. It is called from many goroutines at once. nil sends the
	// request over HTTP.
	//
	// It is for a receiver that pulls. Deliver puts what the request says into the source that the receiver pulls from, and waits
	// until the receiver has looked there. New makes that source, and may return a type of the test that has both. The request is
	// only the envelope: its body may be the Delivery in JSON. Such a receiver need not have routes.
	Deliver func(r receiver.Receiver, req *http.Request) (status int, err error)
}

// check is one rule. It has a rig of its own.
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
		{"EditBeforeItsMessage", editFirst},
		{"RemovalBeforeItsMessage", removalFirst},
		{"UnknownChannelIsNotMade", unknownChannel},
		{"UnknownMessageDoesNoHarm", unknownMessage},
		{"BadInputChangesNothing", badInput},
		{"ScriptNeverSurvives", scriptNeverSurvives},
		{"OutageIsNotAcknowledged", outage},
		{"OverloadIsNotAcknowledged", overload},
	}
}

// Run runs the suite. Each rule is a subtest with a store and a server of its own.
func Run(t *testing.T, s Source) {
	for _, c := range checks() {
		t.Run(c.name, func(t *testing.T) { c.run(t, newRig(t, s)) })
	}
}
