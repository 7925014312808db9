// Package presence says how many readers each channel has, now and at most, on each node and in all; and which editors are there.
//
// # Readers
//
// Each node counts its readers by channel, and writes the counts into the store's records, where they last for seconds: no node
// waits for another, and one that dies is forgotten. Whoever asks gets the sums. Counts are all that leaves a node: neither
// addresses nor anything else of a reader.
//
// Streams and held requests are counted as they are. Readers that poll in intervals have no connection: their number is estimated by
// how often they ask.
//
// # Editors
//
// An editor's browser says every few seconds which post or draft it has open. Others who may propose posts see that.
package presence
