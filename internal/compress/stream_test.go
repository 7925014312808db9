package compress

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/motacilla-live/motacilla/internal/liveblog"
)

// decoder returns a reader of a stream. What it decodes may be read as soon as it is there.
func decoder(t testing.TB, c Coding, from io.Reader) io.Reader {
	t.Helper()
	var r io.Reader
	var err error
	switch c {
	case Gzip:
		r, err = gzip.NewReader(from)
	case Zstd:
		var d *zstd.Decoder
		d, err = zstd.NewReader(from, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(8<<20)) // RFC 9659
		r = d
		t.Cleanup(d.Close)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// pieces are updates of all sizes, of which some can't be compressed.
func pieces() [][]byte {
	random := make([]byte, 300_000)
	for i := range random {
		random[i] = byte(rand.New(rand.NewPCG(1, uint64(i))).Uint32())
	}
	list := [][]byte{
		{}, []byte("retry: 1234\n"), random[:100], random[:70_000], random, []byte(strings.Repeat("a", 250_000)),
		[]byte(strings.Repeat("Nothing new. ", 100_000)), // more than is compressed
	}
	for _, p := range liveblog.Posts() {
		list = append(list, []byte(p))
	}
	return list
}

// Whatever pieces a stream has, and wherever it begins, a reader has each piece when it has come. A piece is never longer than
// stored.
func TestStreams(t *testing.T) {
	for _, s := range Streams(All()) {
		for _, put := range []func(dst, plain []byte) []byte{s.Append, s.Plain} {
			for first := range pieces() {
				wire, send := io.Pipe()
				go func() { _, _ = io.WriteString(send, s.Head) }()
				var r io.Reader
				for i, piece := range pieces()[first:] {
					packed := put(nil, piece)
					if most := len(piece) + 10 + len(piece)/mostStored*5; len(packed) > most {
						t.Errorf("%s: %d bytes became %d, want %d at most", s.Coding, len(piece), len(packed), most)
					}
					sent := make(chan struct{})
					go func() {
						defer close(sent)
						_, _ = send.Write(packed)
					}()
					if r == nil {
						r = decoder(t, s.Coding, wire)
					}
					got := make([]byte, len(piece))
					if _, err := io.ReadFull(r, got); err != nil || !bytes.Equal(got, piece) {
						t.Fatalf("%s, piece %d from %d: %v", s.Coding, i, first, err)
					}
					if len(piece) == 0 {
						continue // nobody reads it yet
					}
					<-sent
				}
				if first > 3 {
					break
				}
				_ = send.Close()
			}
		}
	}
}

// FuzzStreams has a text, cut in pieces, compressed and read.
func FuzzStreams(f *testing.F) {
	for i, p := range liveblog.Posts() {
		f.Add(p, uint16(100*i))
	}
	f.Add(strings.Repeat("xyz", 30_000), uint16(40_000))
	f.Fuzz(func(t *testing.T, text string, cut uint16) {
		n := min(int(cut), len(text))
		for _, s := range Streams(All()) {
			packed := append([]byte(s.Head), s.Append(nil, []byte(text[:n]))...)
			packed = s.Plain(packed, []byte(text[n:]))
			packed = s.Append(packed, []byte(text))
			got, err := io.ReadAll(decoder(t, s.Coding, bytes.NewReader(packed)))
			if s.Coding == Gzip && errors.Is(err, io.ErrUnexpectedEOF) {
				err = nil // there is no trailer
			}
			if err != nil || string(got) != text+text {
				t.Fatalf("%s: %q became %q, %v", s.Coding, text+text, got, err)
			}
		}
	})
}

// Bodies become what other programs read, too.
func TestBody(t *testing.T) {
	page := []byte(strings.Join(liveblog.Posts(), "\n"))
	for c, program := range map[Coding][]string{Gzip: {"gzip", "-dc"}, Zstd: {"zstd", "-dc"}, Brotli: {"brotli", "-dc"}} {
		for _, e := range []Effort{Soon, Well} {
			for _, body := range [][]byte{page, bytes.Repeat(page, 10), page[:300]} {
				short := Body(c, body, e)
				if short == nil || len(short) >= len(body) {
					t.Fatalf("%s, %d bytes: %d", c, len(body), len(short))
				}
				path, err := exec.LookPath(program[0])
				if err != nil {
					continue // it is one more check
				}
				cmd := exec.Command(path, program[1:]...)
				cmd.Stdin = bytes.NewReader(short)
				if got, err := cmd.Output(); err != nil || !bytes.Equal(got, body) {
					t.Errorf("%s reads %d bytes: %v", program[0], len(got), err)
				}
			}
		}
		for _, body := range [][]byte{nil, page[:Least-1], bytes.Repeat(page, 100)} {
			if Body(c, body, Soon) != nil {
				t.Errorf("%s compresses %d bytes", c, len(body))
			}
		}
	}
	if Body(Identity, page, Soon) != nil || Body("deflate", page, Soon) != nil {
		t.Error("a coding that is none")
	}
}

func TestCache(t *testing.T) {
	c := Cache{Most: 10_000}
	body := func(i int) []byte { return []byte(fmt.Sprint(i, strings.Repeat(" and again", 100))) }
	first := c.Body(Gzip, body(0), Soon)
	if again := c.Body(Gzip, body(0), Soon); &again[0] != &first[0] {
		t.Error("a body was compressed twice")
	}
	if other := c.Body(Zstd, body(0), Soon); bytes.Equal(other, first) {
		t.Error("two codings share a body")
	}
	for i := range 1000 {
		if c.Body(Gzip, body(i), Soon) == nil {
			t.Fatal("not compressed")
		}
	}
	if c.held > c.Most || c.recent.Len() != len(c.by) || c.recent.Len() < 10 {
		t.Errorf("it keeps %d bytes in %d and %d entries", c.held, c.recent.Len(), len(c.by))
	}
	if c.Body(Gzip, []byte("short"), Soon) != nil || c.recent.Len() == 0 {
		t.Error("a short body")
	}
}
