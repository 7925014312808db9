package receiver_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/receiver"
)

// Bodies whose signature can't be checked yet take no more memory than there is room. Small deliveries are taken all the same, and
// large ones again when there is room.
func TestUnverifiedBodiesTakeNoMoreThanTheirRoom(t *testing.T) {
	h := &receiver.Hook{
		Receiver: "board", MaxBody: 1 << 20, Room: receiver.NewRoom(3 * (1<<20 + 1)),
		Verify: receiver.VerifierFunc(func(http.Header, []byte, time.Time) error { return nil }),
		Handle: func(_ context.Context, d receiver.Request) (receiver.Answer, error) {
			return receiver.Answer{Body: d.Body}, nil
		},
	}
	deliver := func(body io.Reader) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/hooks/board", body))
		return w
	}
	large := strings.Repeat("x", 1<<20)
	var unfinished []*io.PipeWriter
	results := make(chan int, 10)
	for range 3 {
		r, w := io.Pipe()
		unfinished = append(unfinished, w)
		go func() { results <- deliver(r).Code }()
		if _, err := io.WriteString(w, large); err != nil {
			t.Fatal(err)
		}
	}
	if w := deliver(strings.NewReader(large)); w.Code != http.StatusServiceUnavailable || w.Header().Get("Connection") != "close" {
		t.Errorf("a large delivery too many: %d %v", w.Code, w.Header())
	}
	small := strings.Repeat("y", 60<<10)
	if w := deliver(strings.NewReader(small)); w.Code != http.StatusOK || w.Body.String() != small {
		t.Errorf("a small delivery: %d, %d bytes", w.Code, w.Body.Len())
	}
	for i, w := range unfinished {
		if i == 0 {
			_ = w.CloseWithError(errors.New("the connection broke"))
		} else {
			_ = w.Close()
		}
		<-results
	}
	for range 3 { // as many again, so all room was given back
		if w := deliver(strings.NewReader(large)); w.Code != http.StatusOK || w.Body.String() != large {
			t.Errorf("later: %d, %d bytes", w.Code, w.Body.Len())
		}
	}
	if w := deliver(strings.NewReader(large + "x")); w.Code != http.StatusBadRequest {
		t.Errorf("a body that is too long: %d", w.Code)
	}
}

// unread fails the test if somebody reads it.
type unread struct{ *testing.T }

func (u unread) Read([]byte) (int, error) {
	u.Error("the body was read")
	return 0, io.EOF
}

// A secret in a header is checked before the body is read.
func TestABodyIsNotReadIfItsHeaderIsWrong(t *testing.T) {
	h := &receiver.Hook{
		Receiver: "board", Verify: receiver.SecretHeader("X-Secret", "", "right"),
		Handle: func(context.Context, receiver.Request) (receiver.Answer, error) {
			return receiver.Answer{}, motacilla.ErrUnavailable
		},
	}
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, "/hooks/board", unread{t})
	r.Header.Set("X-Secret", "wrong")
	if h.ServeHTTP(w, r); w.Code != http.StatusUnauthorized {
		t.Errorf("status %d", w.Code)
	}
}
