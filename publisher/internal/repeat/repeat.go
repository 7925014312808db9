// Package repeat tells whether an HTTP/1.1 request is the same as another one but for its ?since. Requests are compared
// by hashes with a seed of the process, so that none need be kept.
package repeat

import (
	"bufio"
	"bytes"
	"hash/maphash"
	"net/http"
	"slices"
)

var seed = maphash.MakeSeed()

// Of returns the hash of a request as net/http has parsed it, without the cursor; 0 where it has a body, or no cursor
// of digits.
func Of(r *http.Request) uint64 {
	if r.ContentLength != 0 || len(r.TransferEncoding) > 0 || r.Header.Get("Expect") != "" || r.Header.Get("Upgrade") != "" {
		return 0
	}
	start, end := since(r.RequestURI)
	if start < 0 {
		return 0
	}
	var h maphash.Hash
	h.SetSeed(seed)
	put := func(s string) {
		_, _ = h.WriteString(s) // never fails
		_ = h.WriteByte(0)
	}
	put(r.Method)
	put(r.RequestURI[:start])
	put(r.RequestURI[end:])
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

// Parse is Of, of a head as it came; 0 where it can't be parsed.
func Parse(head []byte) uint64 {
	r, err := http.ReadRequest(bufio.NewReaderSize(bytes.NewReader(head), 512))
	if err != nil || r.Close {
		return 0
	}
	return Of(r)
}

// Cut returns the hash of a head as it came, without the digits of its cursor, and these.
func Cut(head []byte) (hash uint64, cursor string, ok bool) {
	line := head[:max(bytes.IndexByte(head, '\r'), 0)]
	start, end := since(string(line))
	if start < 0 {
		return 0, "", false
	}
	var h maphash.Hash
	h.SetSeed(seed)
	_, _ = h.Write(head[:start]) // never fails
	_ = h.WriteByte(0)
	_, _ = h.Write(head[end:])
	return max(h.Sum64(), 1), string(head[start:end]), true
}

// since returns where the digits of the cursor are in a request's target; start is -1 where there is none, or more than
// one, or something that is not digits.
func since(target string) (start, end int) {
	const name = "since="
	start = -1
	for i := range len(target) {
		if target[i] != '?' && target[i] != '&' || len(target)-i-1 < len(name) || target[i+1:i+1+len(name)] != name {
			continue
		}
		if start >= 0 {
			return -1, 0
		}
		start = i + 1 + len(name)
	}
	if start < 0 {
		return -1, 0
	}
	end = start
	for end < len(target) && target[end] >= '0' && target[end] <= '9' {
		end++
	}
	if end == start || end < len(target) && target[end] != '&' && target[end] != ' ' {
		return -1, 0
	}
	return start, end
}
