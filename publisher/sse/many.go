package sse

import (
	"context"
	_ "embed" // for openapi-many.json
	"encoding/binary"
	"hash/fnv"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/internal/carry"
	"github.com/motacilla-live/motacilla/route"
)

// manyOpenAPI describes the route for several channels.
//
//go:embed openapi-many.json
var manyOpenAPI []byte

// plainEvent is the format of an update that comes over a connection with several channels. All readers get the same bytes, so the id
// is not in them: see position.
var plainEvent = &publisher.Format{Name: name + " many", Append: func(dst []byte, u *motacilla.Update) []byte {
	return append(u.AppendJSON(append(dst, "data: "...)), "\n\n"...)
}}

// notice appends an event with a type. So a handler of plain messages sees updates only.
func notice(dst []byte, name string, data []byte) []byte {
	dst = append(append(dst, "event: "...), name...)
	return append(append(append(dst, "\ndata: "...), data...), "\n\n"...)
}

// position appends an event without data, which is none to a script, but sets what EventSource sends as Last-Event-ID.
func position(dst []byte, state any, cursors []motacilla.Revision) []byte {
	dst = append(append(dst, "id: "...), state.(string)...)
	for i, c := range cursors {
		sep := byte(',')
		if i == 0 {
			sep = '.'
		}
		dst = strconv.AppendInt(append(dst, sep), int64(c), 36)
	}
	return append(dst, "\n\n"...)
}

// mark returns what begins the position of a list of channels. So the position of another list is not taken for this one's.
func mark(want []publisher.Cursor) string {
	h := fnv.New64a()
	for _, c := range want {
		var n [2]byte
		binary.BigEndian.PutUint16(n[:], uint16(len(c.Channel)))
		_, _ = h.Write(n[:])
		_, _ = h.Write([]byte(c.Channel))
	}
	return strconv.FormatUint(h.Sum64(), 36)
}

// resume moves the cursors in want to the position in a Last-Event-ID. A position that is malformed, or of another list of channels,
// changes nothing, because EventSource never reconnects after a 400.
func resume(want []publisher.Cursor, id string) {
	list, ok := strings.CutPrefix(id, mark(want)+".")
	if !ok || strings.Count(list, ",") != len(want)-1 {
		return
	}
	cursors := make([]motacilla.Revision, 0, len(want))
	for field := range strings.SplitSeq(list, ",") {
		n, err := strconv.ParseUint(field, 36, 63)
		if err != nil {
			return
		}
		cursors = append(cursors, motacilla.Revision(n))
	}
	for i := range want {
		want[i].After = cursors[i]
	}
}

func (p *Publisher) serveMany(w http.ResponseWriter, r *http.Request) {
	if !route.Allow(w, r, http.MethodGet) {
		return
	}
	want, err := publisher.ParseCursors(r.URL.RawQuery)
	if err == nil && len(want) == 0 {
		err = motacilla.Invalid("c", "must be given for each channel, as in ?c=match-42&c=match-43")
	}
	if err != nil {
		p.fail(w, r, err)
		return
	}
	resume(want, r.Header.Get("Last-Event-ID"))
	form := p.formFor(r)
	m, err := p.streams.OpenMany(r, want, form.many, mark(want), route.Permit)
	if to, is := publisher.MoveOf(err); is {
		move(w, to)
		return
	}
	if err != nil {
		p.fail(w, r, err)
		return
	}
	p.setHeader(w.Header(), form)
	if r.ProtoMajor == 1 {
		p.hijackMany(w, r, m, form)
		return
	}
	p.answer(w, r, &several{m, form.helloMany(nil, m)}, form)
}

// hijackMany is hijack for several channels.
func (p *Publisher) hijackMany(w http.ResponseWriter, r *http.Request, m *publisher.Many, form *form) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		p.answer(w, r, &several{m, form.helloMany(nil, m)}, form)
		return
	}
	first := form.helloMany(carry.Head(w.Header()), m)
	if !p.options.Goroutines && m.CanJoin(conn) {
		m.Join(conn, first)
		return
	}
	go p.carry(conn, &several{m, first}, form)
}

// helloMany appends what comes first.
func (f *form) helloMany(dst []byte, m *publisher.Many) []byte {
	var space [32]byte
	dst = f.own(append(dst, f.head...), retry(space[:0], time.Second, 4*time.Second))
	return m.Hello(dst)
}

// several is a stream of several channels.
type several struct {
	*publisher.Many
	first []byte
}

// Carry implements carry.Stream.
func (s *several) Carry(ctx context.Context, write func(b []byte) error) publisher.End {
	s.Begin(s.first)
	s.first = nil
	return s.Run(ctx, write)
}
