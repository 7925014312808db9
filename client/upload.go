package client

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"
)

// upload is a body that is read from an io.Reader. It may be sent several times.
type upload struct {
	r        io.Reader
	begin    int64 // where r began; -1 if it can't go back
	total    int64 // bytes; -1 if they are not known
	progress func(sent, total int64)

	begun bool // something of r was read
}

func newUpload(r io.Reader, progress func(sent, total int64)) *upload {
	u := &upload{r: r, begin: -1, total: -1, progress: progress}
	s, ok := r.(io.Seeker)
	if !ok {
		return u
	}
	at, err := s.Seek(0, io.SeekCurrent)
	if err != nil {
		return u // a pipe is an *os.File too
	}
	end, err := s.Seek(0, io.SeekEnd)
	if err != nil {
		return u
	}
	if _, err := s.Seek(at, io.SeekStart); err != nil {
		return u
	}
	u.begin, u.total = at, end-at
	return u
}

// again reports whether the image can be sent once more.
func (u *upload) again() bool { return u == nil || !u.begun || u.begin >= 0 }

// errNoReader is the error of an image that could not be read. It is not the server's.
type errNoReader struct{ err error }

func (e *errNoReader) Error() string { return "read the image: " + e.err.Error() }

func (e *errNoReader) Unwrap() error { return e.err }

// attempt returns the body of the next attempt.
func (u *upload) attempt(alive func(whole bool)) (*attempt, error) {
	if u.begun {
		if _, err := u.r.(io.Seeker).Seek(u.begin, io.SeekStart); err != nil {
			return nil, &errNoReader{err}
		}
	}
	return &attempt{upload: u, alive: alive}, nil
}

// attempt is the body of one attempt. The HTTP client may read it after it has returned the answer. After Close nothing is read
// from r any more.
type attempt struct {
	upload *upload
	alive  func(whole bool) // called with each read; whole says that the server has all

	mu     sync.Mutex
	sent   int64
	closed bool
	err    error // of r
}

func (a *attempt) Read(p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return 0, errors.New("the request is over")
	}
	a.upload.begun = true
	n, err := a.upload.r.Read(p)
	a.sent += int64(n)
	a.alive(a.sent == a.upload.total || errors.Is(err, io.EOF))
	if n > 0 && a.upload.progress != nil {
		a.upload.progress(a.sent, a.upload.total)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		a.err = &errNoReader{err}
	}
	return n, err
}

// Close waits until nothing is read from r.
func (a *attempt) Close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	return nil
}

// failed returns the error of r, if that has ended the attempt.
func (a *attempt) failed() error {
	if a == nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.err
}

// conversion is how long the server may take to convert an image that it has.
const conversion = 2 * time.Minute

// limit returns a context for one attempt. An upload may take long, as long as the server takes more of it. Then the server
// converts the image.
func (c *Client) limit(ctx context.Context, u *upload) (limited context.Context, alive func(whole bool), cancel func()) {
	if u == nil {
		limited, cancel = context.WithTimeoutCause(ctx, c.options.Timeout, errSlow)
		return limited, func(bool) {}, cancel
	}
	limited, end := context.WithCancelCause(ctx)
	timer := time.AfterFunc(c.options.Timeout, func() { end(errSlow) })
	alive = func(whole bool) {
		if whole {
			timer.Reset(max(c.options.Timeout, conversion))
		} else {
			timer.Reset(c.options.Timeout)
		}
	}
	return limited, alive, func() {
		timer.Stop()
		end(nil)
	}
}

// carry makes u the body of req. The server may refuse the upload, or have it already, before it is sent: "Expect" gives it a
// moment to say so.
func (u *upload) carry(req *http.Request, alive func(whole bool)) (*attempt, error) {
	a, err := u.attempt(alive)
	if err != nil {
		return nil, err
	}
	req.Body, req.ContentLength = a, u.total
	if u.total == 0 {
		req.Body = http.NoBody
	}
	req.Header.Set("Expect", "100-continue")
	return a, nil
}
