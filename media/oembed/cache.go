package oembed

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/short"
)

// namespace has what is known of each page, by the hash of its URL. snippets has what providers want to be shown, by random keys:
// anybody may ask for a snippet, and must not find out which pages a private channel has.
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

// snippetPath stands before the key of a snippet in its URL.
const snippetPath = "/embeds/"

func newSnippetKey() string { return strings.ToLower(rand.Text()) }

// key returns the key of what is known of a page.
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
		at := strings.TrimPrefix(found.Card.Frame, snippetPath)
		err := e.put(ctx, motacilla.Record{Namespace: snippets, Key: at, Value: []byte(found.Snippet), TTL: keepSnippet})
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
