package webpush

import (
	"bytes"
	"encoding/json"

	"github.com/motacilla-live/motacilla"
)

// message is what worker.js shows. It knows the URL of the channel's page by itself.
type message struct {
	Title string `json:"title"`
	Body  string `json:"body,omitempty"`
	Tag   string `json:"tag"`  // a browser shows a message of the same tag once
	Time  int64  `json:"time"` // when the post was written, in milliseconds since the Unix epoch
}

// mostBody is the most text of a message, in bytes. No system shows more.
const mostBody = 2000

// messageOf returns the message of a post, of at most MaxPayload bytes.
func messageOf(ch motacilla.Channel, p motacilla.Post) ([]byte, error) {
	m := message{Title: oneLine(ch.Title), Body: cut(textOf(p), mostBody), Tag: string(p.ID), Time: p.Created.UnixMilli()}
	if m.Title == "" {
		m.Title = string(ch.ID)
	}
	for {
		data, err := m.encode()
		if err != nil {
			return nil, err
		}
		over := len(data) - MaxPayload
		if over <= 0 {
			return data, nil
		}
		if m.Body == "" {
			return nil, errTooLong
		}
		m.Body = cut(m.Body, max(len(m.Body)-over, 0)) // a character of the text has one byte or more in JSON
	}
}

func (m *message) encode() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(m)
	return bytes.TrimRight(b.Bytes(), "\n"), err
}
