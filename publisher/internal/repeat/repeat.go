// Package repeat finds out whether two HTTP/1.1 requests differ only in the numbers that a reader counts up: its ?since cursor,
// and its &round if it has one. It compares hashes with a seed of the process, so a request need not be kept.
package repeat

import (
	"bufio"
	"bytes"
	"hash/maphash"
	"net/http"
	"slices"
	"strings"
)

var seed = maphash.MakeSeed()

// Of returns the hash of a request without its numbers, from the fields that net/http has parsed. It returns 0 if the request
// has a body, or if it has no numbers as [Cut] returns them.
func Of(r *http.Request) uint64 {
	if r.ContentLength != 0 || len(r.TransferEncoding) > 0 || r.Header.Get("Expect") != "" || r.Header.Get("Upgrade") != "" {
		return 0
	}
	cuts, ok := find(r.RequestURI)
	if !ok {
		return 0
	}
	var h maphash.Hash
	h.SetSeed(seed)
	put := func(s string) {
		_, _ = h.WriteString(s) // does not fail
		_ = h.WriteByte(0)
	}
	put(r.Method)
	first, second := cuts.inOrder()
	put(r.RequestURI[:first.start])
	put(r.RequestURI[first.end:second.start])
	put(r.RequestURI[second.end:])
	put(r.Proto)
	put(r.Host)
	names := make([]string, 0, len(r.Header))
	for name := range r.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		put(name)
		for _, value := range r.Header[name] {
			put(value)
		}
		put("")
	}
	return max(h.Sum64(), 1)
}

// Parse parses the head of a request, and returns its hash as Of does. It returns 0 if the head has an error or ends its
// connection.
func Parse(head []byte) uint64 {
	r, err := http.ReadRequest(bufio.NewReaderSize(bytes.NewReader(head), 512))
	if err != nil || r.Close {
		return 0
	}
	return Of(r)
}

// Numbers are the digits of a request's cursor and of its round. The round is empty if the request has none.
type Numbers struct{ Since, Round string }

// Cut returns the hash of the bytes of a head without its numbers, and the numbers. ok is false if there is no cursor, or if a
// number occurs twice or does not consist of digits.
func Cut(head []byte) (hash uint64, n Numbers, ok bool) {
	line := string(head[:max(bytes.IndexByte(head, '\r'), 0)])
	cuts, ok := find(line)
	if !ok {
		return 0, Numbers{}, false
	}
	var h maphash.Hash
	h.SetSeed(seed)
	first, second := cuts.inOrder()
	_, _ = h.Write(head[:first.start]) // does not fail
	_ = h.WriteByte(0)
	_, _ = h.Write(head[first.end:second.start])
	_ = h.WriteByte(0)
	_, _ = h.Write(head[second.end:])
	return max(h.Sum64(), 1), Numbers{line[cuts.since.start:cuts.since.end], line[cuts.round.start:cuts.round.end]}, true
}

// span is a part of a text.
type span struct{ start, end int }

// cuts are where the numbers are. Without a round, its span is empty, and at the end of the cursor's.
type cuts struct{ since, round span }

func (c cuts) inOrder() (first, second span) {
	if c.round.start < c.since.start {
		return c.round, c.since
	}
	return c.since, c.round
}

// find returns the positions of the numbers in a request's target, which a space may follow.
func find(target string) (c cuts, ok bool) {
	c.since, ok = digits(target, "since=")
	if !ok || c.since.start < 0 {
		return c, false
	}
	c.round, ok = digits(target, "round=")
	if c.round.start < 0 {
		c.round = span{c.since.end, c.since.end}
	}
	return c, ok
}

// digits returns the position of the digits of a parameter. start is -1 if there is no such parameter. ok is false if there is
// more than one, or if it does not consist of digits.
func digits(target, name string) (at span, ok bool) {
	at.start = -1
	for i := range len(target) {
		if target[i] != '?' && target[i] != '&' || !strings.HasPrefix(target[i+1:], name) {
			continue
		}
		if at.start >= 0 {
			return at, false
		}
		at.start = i + 1 + len(name)
	}
	if at.start < 0 {
		return at, true
	}
	at.end = at.start
	for at.end < len(target) && target[at.end] >= '0' && target[at.end] <= '9' {
		at.end++
	}
	whole := at.end == len(target) || target[at.end] == '&' || target[at.end] == ' '
	return at, whole && at.end > at.start
}
