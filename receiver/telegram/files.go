package telegram

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-telegram/bot"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/work"
)

var errLarge = errors.New("the file is too large: Telegram gives a bot files of at most 20 MB")

// fetch fetches a file. Telegram first tells where it is, for an hour.
func (a *api) fetch(ctx context.Context, f receiver.File) (io.ReadCloser, error) {
	info, err := a.bot.GetFile(ctx, &bot.GetFileParams{FileID: f.Ref})
	if err = a.clean("getFile", err); err != nil {
		if errors.Is(err, bot.ErrorBadRequest) && strings.Contains(err.Error(), "too big") {
			return nil, work.Permanent(errLarge)
		}
		return nil, err
	}
	switch {
	case info.FileSize > MaxFile:
		return nil, work.Permanent(errLarge)
	case info.FilePath == "":
		return nil, errors.New("telegram getFile: the answer has no file_path")
	case strings.HasPrefix(info.FilePath, "/"):
		return nil, work.Permanent(errors.New("telegram getFile: the Bot API server keeps files on its own disk: run it without --local"))
	}
	body, err := a.download(ctx, info.FilePath)
	if err != nil {
		return nil, err
	}
	return body, nil
}

func (a *api) download(ctx context.Context, path string) (io.ReadCloser, error) {
	at := a.base + "/file/bot" + a.token + "/" + (&url.URL{Path: path}).EscapedPath()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return nil, a.clean("file", err)
	}
	resp, err := a.files.Do(req)
	if err != nil {
		return nil, a.clean("file", err)
	}
	switch {
	case resp.StatusCode == http.StatusTooManyRequests:
		err = work.RetryAfter(30*time.Second, errors.New("telegram file: status 429"))
	case resp.StatusCode != http.StatusOK:
		err = fmt.Errorf("telegram file: status %d", resp.StatusCode)
	case resp.ContentLength > MaxFile:
		err = work.Permanent(errLarge)
	}
	if err != nil {
		resp.Body.Close()
		return nil, err
	}
	return &file{resp.Body, MaxFile}, nil
}

// file is a body that ends with an error if it is too large.
type file struct {
	io.ReadCloser
	left int64
}

func (f *file) Read(p []byte) (int, error) {
	if f.left < 0 {
		return 0, work.Permanent(errLarge)
	}
	if int64(len(p)) > f.left+1 {
		p = p[:f.left+1]
	}
	n, err := f.ReadCloser.Read(p)
	f.left -= int64(n)
	if f.left < 0 {
		return 0, work.Permanent(errLarge)
	}
	return n, err
}
