package e2e

import (
	"bytes"
	"io"
	"net/http"
	"regexp"
	"strconv"
)

// without removes something from the body of an answer, which must not be compressed.
func without(answer *http.Response, what *regexp.Regexp) error {
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	body = what.ReplaceAll(body, nil)
	answer.Body = io.NopCloser(bytes.NewReader(body))
	answer.ContentLength = int64(len(body))
	answer.Header.Set("Content-Length", strconv.Itoa(len(body)))
	answer.Header.Del("ETag")
	return nil
}
