package oembed

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/edit"
	"github.com/motacilla-live/motacilla/internal/short"
	"github.com/motacilla-live/motacilla/work"
)

// job is a page to look up for a post, or for posts to come.
type job struct {
	Channel motacilla.ChannelID `json:"channel"`
	Post    motacilla.PostID    `json:"post"` // empty: for posts to come
	URL     string              `json:"url"`
}

func (j job) encode() []byte {
	data, _ := json.Marshal(j) // texts can be encoded
	return data
}

func jobKey(ch motacilla.ChannelID, id motacilla.PostID, page string) string {
	return short.Digest(string(ch), string(id), page)
}

// lookUpTimeout is for one page with its picture, so that slow sites do not hold up the others for long.
const lookUpTimeout = 20 * time.Second

// do looks the page of a job up, unless another job has, and fills the card in.
func (e *Embeds) do(ctx context.Context, w work.Job) error {
	var j job
	if err := json.Unmarshal(w.Payload, &j); err != nil {
		return work.Permanent(err)
	}
	if waits, err := e.waits(ctx, j); err != nil || !waits {
		return err
	}
	found, known, err := e.remembered(ctx, j.URL)
	if err != nil {
		return err
	}
	if !known {
		looking, cancel := context.WithTimeout(ctx, lookUpTimeout)
		defer cancel()
		if found, err = e.lookUp(looking, j.URL); err != nil {
			return err
		}
		if err := e.remember(ctx, j.URL, found); err != nil {
			return err
		}
	}
	return e.fill(ctx, j, found.Card)
}

// giveUp fills in what is known without the page, so that it is not looked up again for this post.
func (e *Embeds) giveUp(ctx context.Context, w work.Job, _ error) error {
	var j job
	if json.Unmarshal(w.Payload, &j) != nil {
		return nil //nolint:nilerr // a job that cannot be read names no post
	}
	found, known, err := e.remembered(ctx, j.URL)
	if err != nil {
		return err
	}
	if !known {
		found = nothing(j.URL)
		if err := e.remember(ctx, j.URL, found); err != nil {
			return err
		}
	}
	return e.fill(ctx, j, found.Card)
}

// waits reports whether the job's post still has an embed of its URL without a card.
func (e *Embeds) waits(ctx context.Context, j job) (bool, error) {
	if j.Post == "" {
		return true, nil
	}
	p, err := e.posts.Post(ctx, j.Channel, j.Post)
	if errors.Is(err, motacilla.ErrNotFound) || errors.Is(err, motacilla.ErrDeleted) {
		return false, nil
	}
	for _, b := range p.Content {
		if j.bare(b) {
			return true, err
		}
	}
	return false, err
}

// bare reports whether b is an embed of the job's URL without a card.
func (j job) bare(b motacilla.Block) bool {
	return b.Type == motacilla.EmbedBlock && b.URL == j.URL && b.Card == motacilla.Card{}
}

func (e *Embeds) fill(ctx context.Context, j job, card motacilla.Card) error {
	if j.Post == "" {
		return nil
	}
	_, err := edit.Post(ctx, e.posts, j.Channel, j.Post, func(p *motacilla.Post) error {
		for i, b := range p.Content {
			if j.bare(b) {
				p.Content[i].Card = card
			}
		}
		return nil
	})
	if errors.Is(err, motacilla.ErrNotFound) || errors.Is(err, motacilla.ErrDeleted) {
		return nil
	}
	return err
}

// nothing is what is known of a page of which nothing was found: its host.
func nothing(page string) entry {
	host := "?"
	if u, err := url.Parse(page); err == nil {
		if h := clean(hostOf(u), motacilla.MaxID); h != "" {
			host = h
		}
	}
	return entry{Card: motacilla.Card{Provider: host}, None: true}
}
