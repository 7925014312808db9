// Package motacilla is the domain of a toolkit for pages that update while people read them: live blogs, scores,
// election nights, incident pages.
//
// A [Channel] is one live page. Receivers write its [Post]s into a store. The store gives every change a [Revision]. An
// [Update] carries a reader from one revision to another, over any transport. A [View] is what the reader holds.
//
// The package depends only on the standard library. The packages storage, publisher and receiver are the ports. Their
// adapters are in packages below them. The package app composes them.
package motacilla
