package receiver_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/storage/memory"
)

func ingest(t *testing.T) (*receiver.Ingest, *memory.Store) {
	t.Helper()
	store := memory.New(nil)
	t.Cleanup(func() { _ = store.Close() })
	if _, err := store.PutChannel(t.Context(), motacilla.Channel{ID: "c"}, 0); err != nil {
		t.Fatal(err)
	}
	return receiver.NewIngest(store, "test", nil), store
}

func TestPostNamesTheWrongField(t *testing.T) {
	in, store := ingest(t)
	before, err := store.Heads(t.Context(), []motacilla.ChannelID{"c"})
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("x", motacilla.MaxID+1)
	some := []motacilla.RawBlock{{Type: motacilla.TextBlock, Text: "x"}}
	for _, c := range []struct {
		field string
		m     receiver.Message
	}{
		{"text", receiver.Message{}},
		{"text", receiver.Message{Text: " \n"}},
		{"text", receiver.Message{Text: "a\x00b"}},
		{"text", receiver.Message{Text: "x", Content: some}},
		{"text", receiver.Message{Text: strings.Repeat("x", motacilla.MaxText+1)}},
		{"text", receiver.Message{Text: strings.Repeat("x\n", motacilla.MaxBlocks+1)}},
		{"content", receiver.Message{Content: []motacilla.RawBlock{}}},
		{"content[0].value.text", receiver.Message{Content: []motacilla.RawBlock{{Type: motacilla.TextBlock, Text: "a\x00b"}}}},
		{"content[0].value.url", receiver.Message{
			Content: []motacilla.RawBlock{{Type: motacilla.EmbedBlock, URL: "javascript:x"}}}},
		{"message_id", receiver.Message{ID: long, Text: "x"}},
		{"author", receiver.Message{Author: long, Text: "x"}},
	} {
		_, _, err := in.Post(t.Context(), "c", c.m)
		var field *motacilla.FieldError
		if !errors.As(err, &field) || field.Field != c.field {
			t.Errorf("want %s to be wrong, got %v", c.field, err)
		}
		if c.field == "message_id" || c.field == "author" {
			continue
		}
		if _, err := in.Content(c.m.Text, c.m.Content); !errors.As(err, &field) || field.Field != c.field {
			t.Errorf("want %s of an edit to be wrong, got %v", c.field, err)
		}
	}
	after, err := store.Heads(t.Context(), []motacilla.ChannelID{"c"})
	if err != nil || after["c"] != before["c"] {
		t.Errorf("head %v is %v now: %v", before, after, err)
	}
}

// Markup that is removed does not count against the limits.
func TestLimitsAreMeasuredOnWhatIsStored(t *testing.T) {
	in, _ := ingest(t)
	m := receiver.Message{Text: "x" + strings.Repeat("<script>y</script>", motacilla.MaxText/8)}
	if _, _, err := in.Post(t.Context(), "c", m); err != nil {
		t.Error(err)
	}
	m = receiver.Message{Text: strings.Repeat("&", motacilla.MaxText/2)}
	if _, _, err := in.Post(t.Context(), "c", m); !errors.Is(err, motacilla.ErrInvalid) {
		t.Errorf("text that grows over the limit: %v", err)
	}
}

func TestPutTakesVersionsInAnyOrder(t *testing.T) {
	ctx := context.Background()
	m := func(version int64, text string) receiver.Message {
		return receiver.Message{ID: "m", Version: version, Text: text}
	}
	for _, order := range [][]int64{{1, 2, 3}, {3, 2, 1}, {2, 3, 1}, {2, 1, 3, 3, 2}} {
		in, _ := ingest(t)
		var p motacilla.Post
		for _, v := range order {
			var err error
			if p, err = in.Put(ctx, "c", m(v, strings.Repeat("x", int(v)))); err != nil {
				t.Fatal(err)
			}
		}
		if p.SourceVersion != 3 || p.Content[0].Text.String() != "xxx" {
			t.Errorf("versions %v leave %d, %q", order, p.SourceVersion, p.Content[0].Text)
		}
	}
}

// TestPostOnNoChannel: whoever gets the error is told what is missing. The post has no ID yet.
func TestPostOnNoChannel(t *testing.T) {
	in, _ := ingest(t)
	_, _, err := in.Post(t.Context(), "nope", receiver.Message{Text: "x"})
	if !errors.Is(err, motacilla.ErrNotFound) || err.Error() != `channel "nope": not found` {
		t.Errorf("a post on no channel: %v", err)
	}
}

func TestEditAndRemoveOfMessages(t *testing.T) {
	ctx := context.Background()
	in, _ := ingest(t)
	edit := func(p *motacilla.Post) error {
		p.Content = []motacilla.Block{motacilla.Text(motacilla.TrustedHTML("<script>x</script><b onclick=x>y"))}
		return nil
	}
	if _, err := in.Edit(ctx, "c", "m", 2, edit); !errors.Is(err, motacilla.ErrNotFound) {
		t.Errorf("edit of no message: %v", err)
	}
	if err := in.Remove(ctx, "c", "m"); !errors.Is(err, motacilla.ErrNotFound) {
		t.Errorf("removal of no message: %v", err)
	}
	if _, _, err := in.Post(ctx, "c", receiver.Message{ID: "m", Version: 1, Text: "x"}); err != nil {
		t.Fatal(err)
	}
	p, err := in.Edit(ctx, "c", "m", 2, edit)
	if err != nil || p.Content[0].Text.String() != "<b>y</b>" {
		t.Errorf("edit: %+v, %v", p, err)
	}
	for range 2 {
		if err := in.Remove(ctx, "c", "m"); err != nil {
			t.Errorf("remove: %v", err)
		}
	}
	if _, err := in.Edit(ctx, "c", "m", 3, edit); !errors.Is(err, motacilla.ErrDeleted) {
		t.Errorf("edit of a removed message: %v", err)
	}
	if _, _, err := in.Post(ctx, "c", receiver.Message{ID: "m", Text: "x"}); !errors.Is(err, motacilla.ErrDeleted) {
		t.Errorf("a removed message again: %v", err)
	}
}
