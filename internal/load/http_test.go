//go:build linux

package load

import (
	"bytes"
	"io"
	"net/http/httputil"
	"testing"
)

// FuzzChunks compares dechunker with the reader of net/http, for all sizes of pieces.
func FuzzChunks(f *testing.F) {
	f.Add([]byte("hello"), []byte("world, again"), 3)
	f.Add([]byte("x"), bytes.Repeat([]byte("long "), 1000), 1)
	f.Fuzz(func(t *testing.T, first, second []byte, size int) {
		if len(first) == 0 || len(second) == 0 || size < 1 {
			return
		}
		var sent bytes.Buffer
		w := httputil.NewChunkedWriter(&sent)
		for _, p := range [][]byte{first, second} {
			if _, err := w.Write(p); err != nil {
				t.Fatal(err)
			}
		}
		want, err := io.ReadAll(httputil.NewChunkedReader(bytes.NewReader(append(bytes.Clone(sent.Bytes()), "0\r\n\r\n"...))))
		if err != nil {
			t.Fatal(err)
		}
		d := dechunker{on: true}
		var got []byte
		for rest := sent.Bytes(); len(rest) > 0; {
			n := min(size, len(rest))
			piece := bytes.Clone(rest[:n])
			kept, err := d.strip(piece)
			if err != nil {
				t.Fatal(err)
			}
			got, rest = append(got, piece[:kept]...), rest[n:]
		}
		if !bytes.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func FuzzHead(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Length: 12\r\nEtag: 0\r\n\r\nbody"))
	f.Add([]byte("HTTP/1.1 101\r\n\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		h, size, err := parseHead(data)
		if size > len(data) || err == nil && size > 0 && (h.status < 0 || h.status > 999 || h.length < -1) {
			t.Errorf("%+v, %d, %v of %q", h, size, err, data)
		}
	})
}
