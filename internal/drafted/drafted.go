// Package drafted says what is in drafts, to those who need to know without having drafts themselves.
package drafted

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/motacilla-live/motacilla"
)

// Namespace is where drafts are, among the records that nodes share. A draft's key is CHANNEL/DRAFT.
const Namespace = "drafts"

// Source is that of posts that drafts become.
const Source = "drafts"

const message = "draft/"

// MessageID returns the message ID of the post that a draft becomes.
func MessageID(draft motacilla.PostID) string { return message + string(draft) }

// Origin returns the draft that a post was made from, or "" if there was none.
func Origin(p motacilla.Post) motacilla.PostID {
	id, is := strings.CutPrefix(p.MessageID, message)
	if !is || p.Source != Source {
		return ""
	}
	return motacilla.PostID(id)
}

// About says which post drafts are about. Draft may be empty.
type About struct {
	Channel motacilla.ChannelID
	Post    motacilla.PostID
	Draft   motacilla.PostID // the Origin of the post: its node may have died before it wrote that into the draft
}

// draft is what is read of a draft.
type draft struct {
	Post    motacilla.PostID `json:"post"`
	Edits   motacilla.PostID `json:"edits"`
	Content json.RawMessage  `json:"content"`
}

func parse(r motacilla.Record) (d draft, err error) {
	if err = json.Unmarshal(r.Value, &d); err != nil {
		err = fmt.Errorf("read draft %q: %w", r.Key, err)
	}
	return d, err
}

// blocks calls do with each block of a draft.
func (d draft) blocks(do func(motacilla.Block)) error {
	content, err := motacilla.TrustedContent(d.Content)
	for _, b := range content {
		do(b)
	}
	return err
}

// is reports whether the post was made from the draft, or the draft edits it.
func (a About) is(key string, d draft) bool {
	made := a.Draft != "" && key == string(a.Channel)+"/"+string(a.Draft)
	return made || d.Post == a.Post || d.Edits == a.Post
}

// each calls do with each draft whose key begins with prefix.
func each(ctx context.Context, records motacilla.Records, prefix string, do func(motacilla.Record) error) error {
	const page = 100
	for after := ""; ; {
		list, err := records.List(ctx, Namespace, prefix, after, page)
		if err != nil {
			return fmt.Errorf("list drafts: %w", err)
		}
		for _, r := range list {
			if err := do(r); err != nil {
				return err
			}
		}
		if len(list) < page {
			return nil
		}
		after = list[len(list)-1].Key
	}
}
