package slack

import (
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/slack-go/slack"
	"github.com/slack-go/slack/slackevents"
	"go.uber.org/zap"
)

// answerTime is how long a delivery may take. Slack waits 3 s, and sends the event again after that.
const answerTime = 2500 * time.Millisecond

// times are how long a delivery may take, and all that Slack is asked because of it.
type times struct{ answer, names time.Duration }

// outer is what Slack delivers: an event, or its question whether the URL is ours.
type outer struct {
	Type      string          `json:"type"`
	Challenge string          `json:"challenge"`
	EventID   string          `json:"event_id"`
	Event     json.RawMessage `json:"event"`
}

// eventIDs are those of Slack, such as Ev08MFMKH6.
var eventIDs = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

func malformed(field string, err error) error {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) && wrong.Field != "" {
		return motacilla.Invalid(field+"."+wrong.Field, "must not be a JSON %s", wrong.Value)
	}
	return motacilla.Invalid(field, "must be a JSON object of Slack's Events API")
}

// deliver takes one delivery. When it returns nil, what is of use here is stored.
func (r *Receiver) deliver(ctx context.Context, body []byte) (receiver.Answer, error) {
	var o outer
	if err := json.Unmarshal(body, &o); err != nil {
		return receiver.Answer{}, malformed("body", err)
	}
	switch o.Type {
	case slackevents.URLVerification:
		return receiver.Answer{Type: "text/plain; charset=utf-8", Body: []byte(o.Challenge)}, nil
	case slackevents.CallbackEvent:
	case slackevents.AppRateLimited:
		r.log.Warn("Slack delivers no more events for a while: there were too many")
		return receiver.Answer{}, nil
	case "":
		return receiver.Answer{}, motacilla.Invalid("type", "must be a type of Slack's Events API")
	default:
		return receiver.Answer{}, nil
	}
	if !eventIDs.MatchString(o.EventID) {
		return receiver.Answer{}, motacilla.Invalid("event_id", "must be 1 to 64 of A-Z a-z 0-9 - _")
	}
	ctx, cancel := context.WithTimeout(ctx, r.times.answer)
	defer cancel()
	return receiver.Answer{}, r.seen.Once(ctx, o.EventID, func(ctx context.Context) error { return r.event(ctx, o.Event) })
}

// event stores what an event says.
func (r *Receiver) event(ctx context.Context, data []byte) error {
	var inner struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(data, &inner); err != nil {
		return malformed("event", err)
	}
	var err error
	switch slackevents.EventsAPIType(inner.Type) {
	case slackevents.Message:
		var m *message
		if m, err = decodeMessage(data); err == nil {
			err = r.message(ctx, m)
		}
	case slackevents.ReactionAdded, slackevents.ReactionRemoved:
		err = r.reaction(ctx, data)
	case "":
		return motacilla.Invalid("event.type", "must be a type of Slack's events")
	}
	switch {
	case errors.Is(err, motacilla.ErrDeleted): // the post was removed: nothing brings it back
		return nil
	case errors.Is(err, motacilla.ErrNotFound): // Slack can't change that by sending the event again
		r.metrics.Count(r.source, receiver.Unmapped)
		r.log.Info("an event is for a channel that is not there", zap.Error(err))
		return nil
	}
	return err
}

// unmapped counts an event of a Slack channel that feeds no channel here. The log names each such Slack channel once.
func (r *Receiver) unmapped(slackChannel string) {
	r.metrics.Count(r.source, receiver.Unmapped)
	if r.strange.first(slackChannel) {
		r.log.Info("a Slack channel feeds no channel: name it in channels", zap.String("slack_channel", slackChannel))
	}
}

// maxMet is how many Slack channels are remembered, so that memory is bounded.
const maxMet = 1000

// met are Slack channels that were met before.
type met struct {
	mu  sync.Mutex
	ids map[string]bool
}

// first reports whether a Slack channel is met for the first time.
func (m *met) first(id string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ids == nil || len(m.ids) >= maxMet {
		m.ids = map[string]bool{}
	}
	again := m.ids[id]
	m.ids[id] = true
	return !again
}

func (r *Receiver) message(ctx context.Context, m *message) error {
	subject := m // the message that the event is about
	switch m.SubType {
	case "":
		if m.Hidden { // such as message_replied, which Slack delivers without its subtype
			return nil
		}
	case slack.MsgSubTypeMessageChanged:
		if subject = m.Message; subject == nil {
			return motacilla.Invalid("event.message", "must be there")
		}
	case slack.MsgSubTypeMessageDeleted:
		subject = m.Previous
	}
	if subject != nil && !r.takes(subject) && !gone(subject) {
		return nil
	}
	ch, ok, err := r.channel(ctx, m.Channel)
	if err != nil {
		return err
	}
	if !ok {
		r.unmapped(m.Channel)
		return nil
	}
	switch m.SubType {
	case slack.MsgSubTypeMessageDeleted:
		return r.withdraw(ctx, ch, m.Channel, m.DeletedTimestamp)
	case slack.MsgSubTypeMessageChanged:
		if gone(subject) {
			return r.withdraw(ctx, ch, m.Channel, subject.Timestamp)
		}
		return r.change(ctx, ch, m)
	}
	return r.post(ctx, ch, m)
}

// gone reports whether a message is what Slack leaves of one that was removed while its thread stays.
func gone(m *message) bool { return m.SubType == "tombstone" }

// takes reports whether a message becomes a post.
func (r *Receiver) takes(m *message) bool {
	switch m.SubType {
	case "", slack.MsgSubTypeFileShare, slack.MsgSubTypeMeMessage, slack.MsgSubTypeThreadBroadcast, slack.MsgSubTypeBotMessage:
	default:
		return false
	}
	if m.fromBot() && !r.o.Bots {
		return false
	}
	if m.SubType == slack.MsgSubTypeThreadBroadcast {
		return r.o.Threads != "none"
	}
	return !m.reply() || r.o.Threads == "all"
}

func (r *Receiver) post(ctx context.Context, ch motacilla.ChannelID, m *message) error {
	version, err := parseTS("event.ts", m.Timestamp)
	if err != nil {
		return err
	}
	next, files := r.made(ctx, m, m.Channel, version, version)
	if len(next.Content) == 0 {
		return nil
	}
	if err := r.controls.prepare(ctx, &next); err != nil {
		return err
	}
	if _, _, err := r.ingest.Post(ctx, ch, next); err != nil {
		return err
	}
	return r.settle(ctx, ch, next.ID, files)
}

// made returns the post that a message becomes.
func (r *Receiver) made(
	ctx context.Context, m *message, channel string, created, version int64,
) (receiver.Message, []receiver.File) {
	ctx, cancel := context.WithTimeout(ctx, r.times.names) // a post without a name is better than none
	defer cancel()
	content, files := r.content(ctx, m)
	return receiver.Message{
		ID: messageID(channel, m.Timestamp), Version: version, Author: r.author(ctx, m), Created: time.UnixMicro(created).UTC(),
		Content: content,
	}, files
}

// settle does what remains to be done when a new post is stored.
func (r *Receiver) settle(ctx context.Context, ch motacilla.ChannelID, id string, files []receiver.File) error {
	if err := r.controls.apply(ctx, ch, id); err != nil {
		return err
	}
	return r.files.Later(ctx, ch, id, files...)
}

func (r *Receiver) change(ctx context.Context, ch motacilla.ChannelID, m *message) error {
	now := m.Message
	if m.Previous != nil && m.Previous.same(now) {
		return nil
	}
	created, err := parseTS("event.message.ts", now.Timestamp)
	if err != nil {
		return err
	}
	// Several edits may have the same edited.ts, which has whole seconds. Each event has a ts of its own.
	version, err := parseTS("event.ts", firstOf(m.Timestamp, m.EventTimestamp))
	if err != nil {
		return err
	}
	if now.Edited != nil {
		if edited, err := parseTS("edited.ts", now.Edited.Timestamp); err == nil {
			version = max(version, edited)
		}
	}
	next, files := r.made(ctx, now, m.Channel, created, max(version, created+1))
	if len(next.Content) == 0 {
		return r.empty(ctx, ch, next)
	}
	if err := r.controls.prepare(ctx, &next); err != nil {
		return err
	}
	_, isNew, err := r.ingest.Post(ctx, ch, next)
	if err != nil {
		return err
	}
	if isNew {
		return r.settle(ctx, ch, next.ID, files)
	}
	if _, err := r.ingest.Put(ctx, ch, next); err != nil {
		return err
	}
	return r.files.Later(ctx, ch, next.ID, files...)
}

// empty edits a post of which nothing is left that is shown. A later edit may bring something back.
func (r *Receiver) empty(ctx context.Context, ch motacilla.ChannelID, next receiver.Message) error {
	_, err := r.ingest.Edit(ctx, ch, next.ID, next.Version, func(p *motacilla.Post) error {
		p.Author, p.Content = next.Author, []motacilla.Block{motacilla.PlainText("")}
		return nil
	})
	if errors.Is(err, motacilla.ErrNotFound) {
		return nil
	}
	return err
}

func (r *Receiver) withdraw(ctx context.Context, ch motacilla.ChannelID, channel, ts string) error {
	if _, err := parseTS("event.deleted_ts", ts); err != nil {
		return err
	}
	return r.ingest.Withdraw(ctx, ch, messageID(channel, ts))
}

// channel returns the channel that a Slack channel feeds. The error says that Slack was to be asked for its name, and did not
// answer.
func (r *Receiver) channel(ctx context.Context, id string) (ch motacilla.ChannelID, ok bool, err error) {
	if ch, ok = r.channels.Of(id); ok || !r.byName() || !validID(id) {
		return ch, ok, nil
	}
	ctx, cancel := context.WithTimeout(ctx, r.times.names)
	defer cancel()
	name, err := r.names.of(ctx, mention{channelSpan, id})
	if err != nil {
		return "", false, errors.Join(motacilla.ErrUnavailable, err)
	}
	ch, ok = r.channels["#"+name]
	return ch, ok, nil
}

// byName reports whether a Slack channel is configured by its name.
func (r *Receiver) byName() bool {
	for from := range r.channels {
		if strings.HasPrefix(from, "#") {
			return true
		}
	}
	return false
}
