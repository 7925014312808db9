package slack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/slack-go/slack/slackevents"
)

// control is what a reaction does to a post.
type control struct {
	name  string // of the control, in its record
	emoji string
	set   func(p *motacilla.Post, on bool)
	start func(m *receiver.Message) // sets it in a new post
}

// controls lets reactions pin posts, mark them as key events, and hide them. A record for each message has who has reacted, so that
// reactions count in whatever order they come, and also before their message. A control is on as long as one editor's reaction is
// there. It is written only when a reaction comes or goes: what somebody else does to the post in between stays.
type controls struct {
	ingest    *receiver.Ingest
	sink      receiver.Sink
	records   motacilla.Records
	namespace string
	list      []control
	editors   []string
}

// reactionTTL is how long reactions on a message are known after the last one.
const reactionTTL = 90 * 24 * time.Hour

func newControls(in *receiver.Ingest, kit *receiver.Kit, o *Options, source string) *controls {
	c := &controls{ingest: in, sink: kit.Sink, records: kit.Records, namespace: "reactions." + source, editors: o.Editors}
	for _, control := range []control{
		{"pin", o.PinEmoji, func(p *motacilla.Post, on bool) { p.Pinned = on }, func(m *receiver.Message) { m.Pinned = true }},
		{"key", o.KeyEmoji, func(p *motacilla.Post, on bool) { p.KeyEvent = on }, func(m *receiver.Message) { m.KeyEvent = true }},
		{"hide", o.HideEmoji, func(p *motacilla.Post, on bool) { p.Show = !on }, func(m *receiver.Message) { m.Hidden = true }},
	} {
		if control.emoji = emojiName(control.emoji); control.emoji != "" {
			c.list = append(c.list, control)
		}
	}
	return c
}

// emojiName returns the name of an emoji without colons and without a colour of skin.
func emojiName(s string) string {
	name, _, _ := strings.Cut(strings.Trim(s, ": "), "::")
	return name
}

func (c *controls) on() bool { return len(c.list) > 0 }

// reacted is the record of a message: for each control and each user, when the newest reaction came or went.
type reacted map[string]map[string]change

type change struct {
	At int64 `json:"at"` // in microseconds
	On bool  `json:"on"`
}

func (r reacted) is(control string) bool {
	for _, c := range r[control] {
		if c.On {
			return true
		}
	}
	return false
}

// maxReacted is how many users of a control a record has.
const maxReacted = 200

// note notes a change, and reports whether it is newer than what r has.
func (r reacted) note(control, user string, next change) bool {
	users := r[control]
	last, known := users[user]
	if known && next.At <= last.At || !known && len(users) >= maxReacted {
		return false
	}
	if users == nil {
		users = map[string]change{}
		r[control] = users
	}
	users[user] = next
	return true
}

// reaction takes an event about a reaction.
func (r *Receiver) reaction(ctx context.Context, data []byte) error {
	if !r.controls.on() {
		return nil
	}
	var e slackevents.ReactionAddedEvent
	if err := json.Unmarshal(data, &e); err != nil {
		return malformed("event", err)
	}
	emoji := emojiName(e.Reaction)
	at := slices.IndexFunc(r.controls.list, func(c control) bool { return c.emoji == emoji })
	if at < 0 || e.Item.Type != "message" || !validID(e.User) {
		return nil
	}
	if len(r.controls.editors) > 0 && !slices.Contains(r.controls.editors, e.User) {
		return nil
	}
	if _, err := parseTS("event.item.ts", e.Item.Timestamp); err != nil {
		return err
	}
	when, err := parseTS("event.event_ts", e.EventTimestamp)
	if err != nil {
		return err
	}
	ch, ok, err := r.channel(ctx, e.Item.Channel)
	if err != nil || !ok {
		return err
	}
	next := change{when, slackevents.EventsAPIType(e.Type) == slackevents.ReactionAdded}
	return r.controls.react(ctx, ch, messageID(e.Item.Channel, e.Item.Timestamp), r.controls.list[at], e.User, next)
}

// attempts is how often a record is read again because another node has changed it.
const attempts = 20

// react notes a reaction, and applies its control to the post if it is there.
func (c *controls) react(ctx context.Context, ch motacilla.ChannelID, id string, which control, user string, next change) error {
	for range attempts {
		r, record, err := c.read(ctx, id)
		if err != nil {
			return err
		}
		if r.note(which.name, user, next) {
			if record.Value, err = json.Marshal(r); err != nil {
				return err
			}
			_, err = c.records.Put(ctx, record)
			if errors.Is(err, motacilla.ErrConflict) {
				continue
			}
			if err != nil {
				return fmt.Errorf("note reaction to %q: %w", id, err)
			}
		}
		return c.write(ctx, ch, id, which)
	}
	return fmt.Errorf("note reaction to %q: %w", id, motacilla.ErrUnavailable)
}

// read returns the reactions to a message, and the record to put them into.
func (c *controls) read(ctx context.Context, id string) (reacted, motacilla.Record, error) {
	next := motacilla.Record{Namespace: c.namespace, Key: id, TTL: reactionTTL}
	held, err := c.records.Get(ctx, c.namespace, id)
	if errors.Is(err, motacilla.ErrNotFound) {
		return reacted{}, next, nil
	}
	if err != nil {
		return nil, next, fmt.Errorf("read reactions to %q: %w", id, err)
	}
	next.Version = held.Version
	r := reacted{}
	if err := json.Unmarshal(held.Value, &r); err != nil || r == nil {
		r = reacted{}
	}
	return r, next, nil
}

// write applies controls to a post as the record has them. Another reaction may come meanwhile, whose write is done before this
// one. So the record is read again after each write.
func (c *controls) write(ctx context.Context, ch motacilla.ChannelID, id string, which ...control) error {
	held, err := c.sink.PostByMessage(ctx, ch, id)
	if errors.Is(err, motacilla.ErrNotFound) {
		return nil // the message is still to come, or it makes no post
	}
	if err != nil {
		return fmt.Errorf("react to message %q: %w", id, err)
	}
	r, record, err := c.read(ctx, id)
	for range attempts {
		if err != nil {
			return err
		}
		_, err = c.ingest.Change(ctx, ch, held.ID, func(p *motacilla.Post) error {
			for _, control := range which {
				control.set(p, r.is(control.name))
			}
			return nil
		})
		if err != nil {
			return err
		}
		version := record.Version
		if r, record, err = c.read(ctx, id); err == nil && record.Version == version {
			return nil
		}
	}
	return fmt.Errorf("react to message %q: %w", id, motacilla.ErrUnavailable)
}

// prepare sets the controls of a new post, whose reactions may have come before it.
func (c *controls) prepare(ctx context.Context, m *receiver.Message) error {
	if !c.on() {
		return nil
	}
	r, _, err := c.read(ctx, m.ID)
	for _, control := range c.list {
		if r.is(control.name) {
			control.start(m)
		}
	}
	return err
}

// apply applies what reactions to a new post have come while it was stored.
func (c *controls) apply(ctx context.Context, ch motacilla.ChannelID, id string) error {
	if !c.on() {
		return nil
	}
	r, _, err := c.read(ctx, id)
	if err != nil {
		return err
	}
	var touched []control
	for _, control := range c.list {
		if len(r[control.name]) > 0 {
			touched = append(touched, control)
		}
	}
	if len(touched) == 0 {
		return nil
	}
	return c.write(ctx, ch, id, touched...)
}
