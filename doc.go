// Package motacilla is the domain of a toolkit for pages that update while people read them: live blogs, scores,
// election nights, incident pages.
//
// A [Channel] is one live page. Receivers write its [Post]s into a store, which gives every change a [Revision]; an
// [Update] carries a reader from one revision to another, over any transport, and a [View] is what the reader holds.
//
// The package has no dependencies outside the standard library. The ports stand in storage, publisher and receiver,
// what implements them beneath those, and app composes them.
package motacilla
