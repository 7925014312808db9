package sse

import (
	"compress/gzip"
	"errors"
	"io"
	"net/http"

	"github.com/klauspost/compress/zstd"
)

// decoded returns the body of an answer without its coding.
func decoded(resp *http.Response) io.Reader {
	switch resp.Header.Get("Content-Encoding") {
	case "gzip":
		return &gunzip{from: resp.Body}
	case "zstd":
		r, _ := zstd.NewReader(resp.Body, zstd.WithDecoderConcurrency(1)) // without a goroutine
		return r
	}
	return resp.Body
}

// gunzip reads a stream of gzip that ends without a trailer.
type gunzip struct {
	from io.Reader
	*gzip.Reader
}

func (g *gunzip) Read(b []byte) (int, error) {
	if g.Reader == nil { // reads the header, for which it waits
		r, err := gzip.NewReader(g.from)
		if err != nil {
			return 0, err
		}
		g.Reader = r
	}
	n, err := g.Reader.Read(b)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	return n, err
}
