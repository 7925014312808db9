package slack

import (
	"context"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/receiver"
)

// Deliver takes a delivery as if it had come signed.
func Deliver(ctx context.Context, r *Receiver, body []byte) error {
	_, err := r.deliver(ctx, body)
	return err
}

// RetryAfter sets how long Socket Mode waits after Slack has refused the token.
func RetryAfter(r *Receiver, d time.Duration) { r.socket.retry = d }

// Patient gives a receiver more time for a delivery, and for what Slack is asked because of it. A slow machine may need it.
func Patient(r *Receiver, answer, names time.Duration) { r.times = times{answer, names} }

// AnswerTime and NameBudget are these times of a receiver without Patient.
const (
	AnswerTime = answerTime
	NameBudget = nameBudget
)

// Mrkdwn returns the blocks of a text.
func Mrkdwn(text string) []motacilla.RawBlock {
	var d document
	parseMrkdwn(&d, text)
	return fit(renderer{func(mention) string { return "<name>" }}.blocks(d), motacilla.MaxBlocks)
}

// Event returns the blocks of a message's JSON.
func Event(data []byte) ([]motacilla.RawBlock, error) {
	m, err := decodeMessage(data)
	if err != nil {
		return nil, err
	}
	return fit(renderer{func(mention) string { return "<name>" }}.blocks(m.document()), motacilla.MaxBlocks), nil
}

// Emoji is emojiOf.
func Emoji(name string) (string, bool) { return emojiOf(name) }

// ParseTS is parseTS.
func ParseTS(ts string) (int64, error) { return parseTS("ts", ts) }

// Fetch fetches a file, and drops it. The error is nil if there is one.
func Fetch(ctx context.Context, r *Receiver, f receiver.File) error {
	body, err := r.download.fetch(ctx, f)
	if err == nil {
		err = body.Close()
	}
	return err
}
