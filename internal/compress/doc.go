// Package compress compresses what is sent to many readers, once for all of them, and chooses a coding for each.
//
// A stream's data is compressed piece by piece. A piece refers to nothing before it, so that it is the same bytes for every
// reader of a coding, wherever in its stream a reader is. There is no state per reader.
package compress
