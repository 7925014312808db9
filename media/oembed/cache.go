package oembed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/short"
)

// namespace has what is known of each page, and snippets has what providers want to be shown, both by the hash of the page's URL.
const (
	namespace = "embeds"
	snippets  = "embeds.snippets"
)

// keepSnippet is how long a snippet is kept after a reader has asked for it. Posts show it for as long as they are read.
const keepSnippet = 400 * 24 * time.Hour

// entry is what is known of a page.
type entry struct {
	Card    motacilla.Card `json:"card"`
	Image   string         `json:"image,omitempty"` // the ID of the card's picture
	None    bool           `json:"none,omitempty"`  // nothing was found
	Snippet string         `json:"-"`               // HTML that needs scripts
}

// key returns the key of a page's records. It is in the URL of its snippet.
func key(page string) string { return short.Digest(page) }

// remembered returns what is known of a page. If its picture is no longer kept, the card has none.
func (e *Embeds) remembered(ctx context.Context, page string) (found entry, known bool, err error) {
	r, err := e.records.Get(ctx, namespace, key(page))
	if errors.Is(err, motacilla.ErrNotFound) {
		return entry{}, false, nil
	}
	if err != nil {
		return entry{}, false, fmt.Errorf("read what is known of a page: %w", err)
	}
	if err := json.Unmarshal(r.Value, &found); err != nil {
		return entry{}, false, fmt.Errorf("read what is known of a page: %w", err)
	}
	if found.Image == "" {
		return found, true, nil
	}
	if e.images == nil {
		found.Card.Picture = ""
		return found, true, nil
	}
	_, err = e.images.Image(ctx, found.Image)
	if errors.Is(err, motacilla.ErrNotFound) {
		found.Card.Picture, err = "", nil
	}
	return found, err == nil, err
}

// remember keeps what was found. If another node has found something meanwhile, that stays.
func (e *Embeds) remember(ctx context.Context, page string, found entry) error {
	if found.Snippet != "" {
		err := e.put(ctx, motacilla.Record{Namespace: snippets, Key: key(page), Value: []byte(found.Snippet), TTL: keepSnippet})
		if err != nil {
			return err
		}
	}
	value, err := json.Marshal(found)
	if err != nil {
		return fmt.Errorf("keep what is known of a page: %w", err)
	}
	ttl := e.o.Keep
	if found.None {
		ttl = e.o.KeepNone
	}
	return e.put(ctx, motacilla.Record{Namespace: namespace, Key: key(page), Value: value, TTL: ttl})
}

// put puts a record over the one that is there.
func (e *Embeds) put(ctx context.Context, r motacilla.Record) error {
	old, err := e.records.Get(ctx, r.Namespace, r.Key)
	switch {
	case err == nil:
		r.Version = old.Version
	case !errors.Is(err, motacilla.ErrNotFound):
		return fmt.Errorf("keep what is known of a page: %w", err)
	}
	if _, err = e.records.Put(ctx, r); err != nil && !errors.Is(err, motacilla.ErrConflict) {
		return fmt.Errorf("keep what is known of a page: %w", err)
	}
	return nil
}

// snippet returns the HTML of a key, or an ErrNotFound. It is then kept for longer.
func (e *Embeds) snippet(ctx context.Context, key string) (string, error) {
	r, err := e.records.Get(ctx, snippets, key)
	if err != nil {
		return "", err
	}
	if !r.Expires.IsZero() && time.Until(r.Expires) < keepSnippet/2 {
		longer := r
		longer.TTL = keepSnippet
		if _, err := e.records.Put(ctx, longer); err != nil && !errors.Is(err, motacilla.ErrConflict) {
			return "", err
		}
	}
	return string(r.Value), nil
}
