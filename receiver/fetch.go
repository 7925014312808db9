package receiver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/motacilla-live/motacilla/internal/short"
	"github.com/motacilla-live/motacilla/outbound"
	"github.com/motacilla-live/motacilla/work"
)

// FileAt returns the File of an image at an address. Its ID is made of the address, and does not have it: the address may have a
// secret, and IDs are logged.
func FileAt(url string) File { return File{ID: short.Digest(url), Ref: url} }

// FetchURL returns the [Fetch] of a source whose files are at addresses that everybody may call: File.Ref is the URL. It sends no
// secret. A file is given up if its address is refused or if the server says that it is not there. If the server says when to ask
// again, the next attempt waits for that, up to an hour. No error has the URL, which may have a secret.
func FetchURL(client *outbound.Client) Fetch {
	return func(ctx context.Context, f File) (io.ReadCloser, error) {
		u, err := outbound.CheckURL(f.Ref)
		if err != nil {
			return nil, work.Permanent(err)
		}
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
		if err != nil {
			return nil, work.Permanent(errors.New("the file has no valid address"))
		}
		answer, err := client.Do(r)
		if errors.Is(err, outbound.ErrRefused) {
			return nil, work.Permanent(err)
		}
		if err != nil {
			return nil, err
		}
		if answer.StatusCode == http.StatusOK {
			return answer.Body, nil
		}
		_ = answer.Body.Close()
		return nil, statusError(u.Hostname(), answer)
	}
}

// longestWait is the most that a server can put an image off.
const longestWait = time.Hour

func statusError(host string, answer *http.Response) error {
	err := fmt.Errorf("%s answers with status %d", host, answer.StatusCode)
	if wait := outbound.RetryAfter(answer.Header, time.Now()); wait > 0 {
		return work.RetryAfter(min(wait, longestWait), err)
	}
	switch s := answer.StatusCode; {
	case s == http.StatusTooManyRequests, s == http.StatusRequestTimeout, s == http.StatusTooEarly:
		return err
	case s >= 400 && s < 500:
		return work.Permanent(err)
	}
	return err
}
