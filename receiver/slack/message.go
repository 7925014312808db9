package slack

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/slack-go/slack"
)

// message is a message, or an event about one. Blocks, attachments and files are decoded one by one, since one that is not known
// must not lose the message.
type message struct {
	slack.Msg
	Blocks      []json.RawMessage `json:"blocks"`
	Attachments []json.RawMessage `json:"attachments"`
	Files       []json.RawMessage `json:"files"`
	Metadata    json.RawMessage   `json:"metadata"`
	Reactions   json.RawMessage   `json:"reactions"`
	Icons       json.RawMessage   `json:"icons"`
	Profile     *profile          `json:"user_profile"`
	Message     *message          `json:"message"`          // of message_changed: the message as it is now
	Previous    *message          `json:"previous_message"` // of message_changed and message_deleted
}

// profile is what some events say about the author.
type profile struct {
	DisplayName string `json:"display_name"`
	RealName    string `json:"real_name"`
	Name        string `json:"name"`
}

func (p *profile) name() string {
	if p == nil {
		return ""
	}
	return firstOf(p.DisplayName, p.RealName, p.Name)
}

func firstOf(names ...string) string {
	for _, n := range names {
		if n = strings.TrimSpace(n); n != "" {
			return n
		}
	}
	return ""
}

func decodeMessage(data []byte) (*message, error) {
	var m message
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, malformed("event", err)
	}
	return &m, nil
}

// fromBot reports whether an app wrote the message.
func (m *message) fromBot() bool { return m.BotID != "" || m.SubType == slack.MsgSubTypeBotMessage }

// reply reports whether the message is in a thread that another message began.
func (m *message) reply() bool { return m.ThreadTimestamp != "" && m.ThreadTimestamp != m.Timestamp }

// same reports whether two states of a message say the same to readers. Slack also tells of changes that are none here: that a
// link got a preview, or that somebody has answered.
func (m *message) same(other *message) bool {
	if m.Text != other.Text || !sameList(m.Blocks, other.Blocks) || m.SubType != other.SubType {
		return false
	}
	if m.fromBot() && !sameList(m.Attachments, other.Attachments) {
		return false
	}
	files, others := m.files(), other.files()
	if len(files) != len(others) {
		return false
	}
	for i, f := range files {
		o := others[i]
		if f.ID != o.ID || f.Mode != o.Mode || f.AltTxt != o.AltTxt || f.URLPrivate != o.URLPrivate {
			return false
		}
	}
	return true
}

func sameList(a, b []json.RawMessage) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !bytes.Equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

func (m *message) files() []slack.File { return decodeEach[slack.File](m.Files) }

// decodeEach decodes a list, and leaves out what can't be decoded.
func decodeEach[T any](list []json.RawMessage) []T {
	all := make([]T, 0, len(list))
	for _, raw := range list {
		var v T
		if json.Unmarshal(raw, &v) == nil {
			all = append(all, v)
		}
	}
	return all
}

// document returns what the message says, without its files.
func (m *message) document() document {
	var d document
	for _, raw := range m.Blocks {
		var one slack.Blocks
		if json.Unmarshal(bytes.Join([][]byte{{'['}, raw, {']'}}, nil), &one) != nil {
			continue
		}
		for _, b := range one.BlockSet {
			parseBlock(&d, b)
		}
	}
	if len(d.parts) == 0 {
		parseMrkdwn(&d, m.Text)
	}
	if m.SubType == slack.MsgSubTypeMeMessage {
		d.mark(italic)
	}
	if m.fromBot() {
		for _, a := range decodeEach[slack.Attachment](m.Attachments) {
			if a.FromURL == "" && a.OriginalURL == "" && !a.IsMsgUnfurl { // the preview of a link
				parseAttachment(&d, a)
			}
		}
	}
	return d
}

// messageID is the ID that a message has here. Slack's is unique in its channel, and two of them may feed one channel here.
func messageID(channel, ts string) string { return channel + "-" + ts }

// parseTS returns a time that Slack wrote, which is also the ID of a message, in microseconds since the Unix epoch.
func parseTS(field, ts string) (int64, error) {
	seconds, fraction, ok := strings.Cut(ts, ".")
	whole, err := strconv.ParseUint(seconds, 10, 63)
	part, wrong := uint64(0), error(nil)
	if ok {
		part, wrong = strconv.ParseUint(fraction+strings.Repeat("0", max(0, 6-len(fraction))), 10, 63)
	}
	if err != nil || wrong != nil || whole == 0 || whole > maxTime || ok && (fraction == "" || len(fraction) > 6) {
		return 0, motacilla.Invalid(field, "must be a time such as 1355517523.000005")
	}
	return int64(whole)*int64(time.Second/time.Microsecond) + int64(part), nil
}
