package compress

// Stream is how a stream of pieces looks in a coding.
type Stream struct {
	Coding Coding
	Head   string                         // is sent first
	Append func(dst, plain []byte) []byte // appends a piece
	Plain  func(dst, plain []byte) []byte // appends a piece without compressing it
}

// Streams returns the streams of those codings that have one: gzip and zstd.
//
// A stream of gzip is one member (RFC 1952) whose trailer never comes, because its checksum would be another one for each
// reader. A stream of zstd is a frame for each piece, so that it can end after each.
func Streams(codings []Coding) []*Stream {
	var list []*Stream
	for _, c := range codings {
		switch c {
		case Gzip:
			list = append(list, &Stream{Coding: c, Head: gzipHead, Append: AppendDeflate, Plain: AppendStored})
		case Zstd:
			list = append(list, &Stream{Coding: c, Append: AppendZstd, Plain: AppendRaw})
		}
	}
	return list
}

// gzipHead is the header of a member: deflate, no flags, no time, any system.
const gzipHead = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
