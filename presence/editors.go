package presence

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/rest"
	"github.com/motacilla-live/motacilla/route"
)

const editorNamespace = "presence-editors"

// editorLife is how many TTLs an editor lasts.
const editorLife = 2

const (
	mostEditors = 1000 // of a channel, in an answer
	mostTabs    = 20   // of one account on one channel
	mostTab     = 64   // bytes
)

// editorJSON is an editor's record, and what others see of it.
type editorJSON struct {
	Who   string  `json:"who"`
	Name  string  `json:"name"`
	Tab   string  `json:"tab"`
	Post  *string `json:"post"`
	Draft *string `json:"draft"`
	Since string  `json:"since"`
}

// editorBody is what an editor says.
type editorBody struct {
	Tab   rest.Maybe[string] `json:"tab"`
	Post  rest.Nullable      `json:"post"`
	Draft rest.Nullable      `json:"draft"`
}

func (b *editorBody) check() error {
	if len(b.Tab.Value) > mostTab || !utf8.ValidString(b.Tab.Value) || strings.ContainsFunc(b.Tab.Value, unicode.IsControl) {
		return motacilla.Invalid("tab", "must be at most %d bytes of text", mostTab)
	}
	for field, id := range map[string]rest.Nullable{"post": b.Post, "draft": b.Draft} {
		if !id.Set || id.Null {
			continue
		}
		if _, err := motacilla.ParsePostID(id.Value); err != nil {
			return motacilla.Invalid(field, "must be null or an ID, a UUIDv7 in lower case")
		}
	}
	return nil
}

// idOf returns the text of a field; nil if it is null or left out.
func idOf(n rest.Nullable) *string {
	if !n.Set || n.Null {
		return nil
	}
	return &n.Value
}

func (p *Presence) getEditors(w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID) error {
	if _, err := p.source.Channel(r.Context(), ch); err != nil {
		return err
	}
	list, err := p.editors(r.Context(), ch)
	if err != nil {
		return err
	}
	return rest.Write(w, http.StatusOK, map[string][]editorJSON{"editors": list})
}

// putEditor notes what an editor does.
func (p *Presence) putEditor(w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID) error {
	var in editorBody
	if err := rest.ReadBody(w, r, &in); err != nil {
		return err
	}
	if err := in.check(); err != nil {
		return err
	}
	if _, err := p.source.Channel(r.Context(), ch); err != nil {
		return err
	}
	e := editorJSON{Tab: in.Tab.Value, Post: idOf(in.Post), Draft: idOf(in.Draft), Since: motacilla.FormatTime(motacilla.Micro(time.Now()))}
	if h := route.GrantOf(r).Holder; h != nil {
		e.Who, e.Name = h.Who, h.Name
	}
	list, err := p.editors(r.Context(), ch)
	if err != nil {
		return err
	}
	tabs, i := 0, -1
	for j, other := range list {
		if other.Who == e.Who {
			tabs++
			if other.Tab == e.Tab {
				i, e.Since = j, other.Since
			}
		}
	}
	if i < 0 && (tabs >= mostTabs || len(list) >= mostEditors) {
		why := fmt.Errorf("%w: %d tabs are open on channel %q", motacilla.ErrTooMany, len(list), ch)
		return &motacilla.RetryError{After: editorLife * p.o.TTL, Err: why}
	}
	if err := p.note(r.Context(), ch, &e); err != nil {
		return err
	}
	if i < 0 {
		list = append(list, e)
		sortEditors(list)
	} else {
		list[i] = e
	}
	return rest.Write(w, http.StatusOK, map[string][]editorJSON{"editors": list})
}

// note writes an editor's record.
func (p *Presence) note(ctx context.Context, ch motacilla.ChannelID, e *editorJSON) error {
	data, err := encode(e)
	if err != nil {
		return err
	}
	hash := sha256.Sum256([]byte(e.Who + "\x00" + e.Tab))
	r := motacilla.Record{
		Namespace: editorNamespace, Key: string(ch) + "/" + hex.EncodeToString(hash[:16]), Value: data, TTL: editorLife * p.o.TTL,
	}
	for range 5 { // requests of one tab may overtake each other
		if r.Version, err = versionOf(ctx, p.records, r.Namespace, r.Key); err != nil {
			return err
		}
		if _, err = p.records.Put(ctx, r); !errors.Is(err, motacilla.ErrConflict) {
			return err
		}
	}
	return nil // another request of the tab was as new
}

// editors returns who is on a channel, in the order in which they have come.
func (p *Presence) editors(ctx context.Context, ch motacilla.ChannelID) ([]editorJSON, error) {
	list := []editorJSON{}
	records, err := p.records.List(ctx, editorNamespace, string(ch)+"/", "", mostEditors)
	for _, r := range records {
		var e editorJSON
		if decode(r.Value, &e) == nil {
			list = append(list, e)
		}
	}
	sortEditors(list)
	return list, err
}

func sortEditors(list []editorJSON) {
	slices.SortFunc(list, func(a, b editorJSON) int {
		return cmp.Or(cmp.Compare(a.Since, b.Since), cmp.Compare(a.Who, b.Who), cmp.Compare(a.Tab, b.Tab))
	})
}
