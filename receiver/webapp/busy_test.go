package webapp_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/storage"
)

// busy is a sink whose posts change as soon as they were read.
type busy struct {
	receiver.Sink
	reads int
}

func (b *busy) Post(ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID) (motacilla.Post, error) {
	p, err := b.Sink.Post(ctx, ch, id)
	if b.reads++; err != nil || b.reads > 50 {
		return p, err
	}
	_, err = storage.Edit(ctx, b.Sink, ch, id, func(p *motacilla.Post) error { p.Author = fmt.Sprint(b.reads); return nil })
	return p, err
}

// A post that others write to all the time is removed if any version of it may be, and refused if it must be one of them.
func TestDeleteOfABusyPost(t *testing.T) {
	var sink *busy
	s := serve(t, func(to receiver.Sink) receiver.Sink {
		sink = &busy{Sink: to}
		return sink
	})
	if _, err := s.store.PutChannel(t.Context(), motacilla.Channel{ID: "match"}, 0); err != nil {
		t.Fatal(err)
	}
	for header, want := range map[string]int{"*": http.StatusNoContent, "its ETag": http.StatusPreconditionFailed} {
		p, err := s.store.PutPost(t.Context(), "match", motacilla.Post{Show: true}, 0)
		if err != nil {
			t.Fatal(err)
		}
		sink.reads = 0
		match := strings.Replace(header, "its ETag", fmt.Sprintf(`"%d"`, p.Revision), 1)
		a := s.do(t, "DELETE", "/api/channels/match/posts/"+string(p.ID), "", "If-Match", match)
		if a.Code != want || sink.reads > 2 {
			t.Errorf("If-Match: %s is answered %d after %d reads, want %d\n%s", header, a.Code, sink.reads, want, a.Body)
		}
	}
	if a := s.do(t, "DELETE", "/api/channels/match/posts/"+string(motacilla.NewPostID(time.Now())), "", "If-Match", "*"); a.Code != http.StatusNotFound {
		t.Errorf("If-Match: * of a post that is not there: %d", a.Code)
	}
}
