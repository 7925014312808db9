package webapp_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/receiver"
)

// erasing is a sink that can remove a post for good.
type erasing struct {
	receiver.Sink
	err  error
	with []motacilla.Revision // with which revision it was asked
}

func (e *erasing) ErasePost(
	_ context.Context, _ motacilla.ChannelID, id motacilla.PostID, replaces motacilla.Revision,
) (receiver.Erased, error) {
	e.with = append(e.with, replaces)
	return receiver.Erased{Post: id, Versions: 3, Drafts: 2, Images: []string{"goal"}}, e.err
}

func TestForGood(t *testing.T) {
	plain := serve(t, nil)
	plain.want(t, 201, "POST", "/api/channels", `{"id":"c"}`)
	plain.want(t, 501, "DELETE", "/api/channels/c/posts/"+somePost+"?for_good", "")

	var e *erasing
	s := serve(t, func(sink receiver.Sink) receiver.Sink { e = &erasing{Sink: sink}; return e })
	s.want(t, 201, "POST", "/api/channels", `{"id":"c"}`)
	w := s.do(t, "POST", "/api/channels/c/posts", `{"text":"x"}`)
	path, tag := w.Header().Get("Location"), w.Header().Get("ETag")
	if got := s.do(t, "DELETE", path+"?for_good=true", "", "If-Match", tag).Body.String(); !strings.HasSuffix(got, `"versions":3,"drafts":2,"images":["goal"]}`) {
		t.Errorf("answered %s", got)
	}
	s.want(t, 200, "DELETE", path+"?for_good", "")
	if fmt.Sprint(e.with) != "["+strings.Trim(tag, `"`)+" 0]" {
		t.Errorf("asked with the revisions %v of %s", e.with, tag)
	}
	s.want(t, 412, "DELETE", path+"?for_good", "", "If-Match", `"1"`)
	s.want(t, 400, "DELETE", path+"?for_good=no", "")
	for err, status := range map[error]int{
		errors.ErrUnsupported: 501, motacilla.ErrConflict: 412, motacilla.ErrNotFound: 404, motacilla.ErrUnavailable: 503,
	} {
		e.err = err
		s.want(t, status, "DELETE", path+"?for_good", "")
	}
}
