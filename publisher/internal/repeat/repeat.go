// Package repeat finds out whether two HTTP/1.1 requests differ in their ?since cursors only. It compares hashes with a seed
// of the process, so a request need not be kept.
package repeat

import (
	"bufio"
	"bytes"
	"hash/maphash"
	"net/http"
	"slices"
)

var seed = maphash.MakeSeed()

// Of returns the hash of a request without its cursor, from the fields that net/http has parsed. It returns 0 if the request
// has a body, or if its cursor does not consist of digits.
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
		_, _ = h.WriteString(s) // does not fail
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

// Parse parses the head of a request, and returns its hash as Of does. It returns 0 if the head has an error or ends its
// connection.
func Parse(head []byte) uint64 {
	r, err := http.ReadRequest(bufio.NewReaderSize(bytes.NewReader(head), 512))
	if err != nil || r.Close {
		return 0
	}
	return Of(r)
}

// Cut returns the hash of the bytes of a head without the digits of its cursor, and these digits. ok is false if there are none.
func Cut(head []byte) (hash uint64, cursor string, ok bool) {
	line := head[:max(bytes.IndexByte(head, '\r'), 0)]
	start, end := since(string(line))
	if start < 0 {
		return 0, "", false
	}
	var h maphash.Hash
	h.SetSeed(seed)
	_, _ = h.Write(head[:start]) // does not fail
	_ = h.WriteByte(0)
	_, _ = h.Write(head[end:])
	return max(h.Sum64(), 1), string(head[start:end]), true
}

// since returns the position of the cursor's digits in a request's target. start is -1 if there is no cursor, or more than
// one, or if it does not consist of digits.
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
