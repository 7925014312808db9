//go:build linux

package server

import (
	"encoding/json"
	"io"
	"net/http"
)

// posting is a bare net/http handler that takes a post. It reads the body, decodes the JSON, and answers 201 with the post.
type posting struct{}

func (posting) since() int64             { return 0 }
func (posting) publish(int, int64) error { return nil }

func (posting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var post struct {
		ID   string `json:"id"`
		Text string `json:"text"`
	}
	if err == nil {
		err = json.Unmarshal(body, &post)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	post.ID = "019ab9a5-0000-7000-8000-000000000000"
	answer, err := json.Marshal(post)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	_, _ = w.Write(answer)
}

// unchanged is a bare net/http handler that answers 304.
type unchanged struct{}

// UnchangedTag is the ETag that unchanged answers with 304.
const UnchangedTag = `"1"`

func (unchanged) since() int64             { return 0 }
func (unchanged) publish(int, int64) error { return nil }

func (unchanged) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("ETag", UnchangedTag)
	if r.Header.Get("If-None-Match") == UnchangedTag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	_, _ = io.WriteString(w, "{}")
}
