package motacilla_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
)

func TestRecordsAreValidated(t *testing.T) {
	at := time.Date(2026, 3, 1, 18, 30, 0, 0, time.UTC)
	channel := motacilla.ChannelRecord{
		Channel: motacilla.Channel{ID: "c", Access: motacilla.Public, Created: at, Changed: 20, Head: 100},
		Born:    10, Floor: 30,
	}
	gone := motacilla.ChannelRecord{Channel: motacilla.Channel{ID: "c", Head: 100}, Born: 10, Floor: 30, Deleted: true}
	post := motacilla.Post{ID: motacilla.NewPostID(at), Created: at, Modified: at, Revision: 40}
	tomb := motacilla.Tombstone{ID: motacilla.NewPostID(at), MessageID: "m"}
	records := []motacilla.ChangeRecord{
		{Revision: 15, Removed: &tomb}, {Revision: 30, Remembered: true}, {Revision: 40, Remembered: true, Post: &post},
		{Revision: 100, Remembered: true},
	}
	for _, tt := range []struct {
		name    string
		change  func(c *motacilla.ChannelRecord, rs *[]motacilla.ChangeRecord)
		problem string // "" of none
	}{
		{"as it is", func(*motacilla.ChannelRecord, *[]motacilla.ChangeRecord) {}, ""},
		{"no records", func(_ *motacilla.ChannelRecord, rs *[]motacilla.ChangeRecord) { *rs = nil }, ""},
		{"deleted", func(c *motacilla.ChannelRecord, rs *[]motacilla.ChangeRecord) { *c, *rs = gone, (*rs)[3:] }, ""},
		{"ID", func(c *motacilla.ChannelRecord, _ *[]motacilla.ChangeRecord) { c.ID = "a/b" }, "id"},
		{"title", func(c *motacilla.ChannelRecord, _ *[]motacilla.ChangeRecord) { c.Title = "\xff" }, "title"},
		{"never born", func(c *motacilla.ChannelRecord, _ *[]motacilla.ChangeRecord) { c.Born = 0 }, "born"},
		{"born late", func(c *motacilla.ChannelRecord, _ *[]motacilla.ChangeRecord) { c.Born = 101 }, "born"},
		{"floor low", func(c *motacilla.ChannelRecord, _ *[]motacilla.ChangeRecord) { c.Floor = 9 }, "floor"},
		{"floor high", func(c *motacilla.ChannelRecord, _ *[]motacilla.ChangeRecord) { c.Floor = 101 }, "floor"},
		{"changed late", func(c *motacilla.ChannelRecord, _ *[]motacilla.ChangeRecord) { c.Changed = 101 }, "changed"},
		{"beyond head", func(_ *motacilla.ChannelRecord, rs *[]motacilla.ChangeRecord) { (*rs)[3].Revision = 101 }, "revision"},
		{"before born", func(_ *motacilla.ChannelRecord, rs *[]motacilla.ChangeRecord) { (*rs)[0].Revision = 9 }, "revision"},
		{"twice", func(_ *motacilla.ChannelRecord, rs *[]motacilla.ChangeRecord) { (*rs)[1].Revision = 15 }, "revision"},
		{"below floor", func(_ *motacilla.ChannelRecord, rs *[]motacilla.ChangeRecord) { (*rs)[0].Remembered = true }, "remembered"},
		{"both", func(_ *motacilla.ChannelRecord, rs *[]motacilla.ChangeRecord) { (*rs)[2].Removed = &tomb }, "removed"},
		{"another revision", func(_ *motacilla.ChannelRecord, rs *[]motacilla.ChangeRecord) { (*rs)[2].Revision = 41 }, "post"},
		{"a bad post", func(_ *motacilla.ChannelRecord, rs *[]motacilla.ChangeRecord) {
			bad := post
			bad.Author = "\x00"
			(*rs)[2].Post = &bad
		}, "author"},
		{"a bad tombstone", func(_ *motacilla.ChannelRecord, rs *[]motacilla.ChangeRecord) {
			(*rs)[0].Removed = &motacilla.Tombstone{ID: "x"}
		}, "id"},
		{"a long message ID", func(_ *motacilla.ChannelRecord, rs *[]motacilla.ChangeRecord) {
			(*rs)[0].Removed = &motacilla.Tombstone{ID: tomb.ID, MessageID: strings.Repeat("x", 256)}
		}, "message_id"},
		{"posts of a deleted one", func(c *motacilla.ChannelRecord, _ *[]motacilla.ChangeRecord) { *c = gone }, "deleted"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, rs := channel, append([]motacilla.ChangeRecord(nil), records...)
			tt.change(&c, &rs)
			err := c.Validate(rs)
			var field *motacilla.FieldError
			switch {
			case tt.problem == "" && err != nil:
				t.Fatal(err)
			case tt.problem != "" && (!errors.As(err, &field) || !errors.Is(err, motacilla.ErrInvalid) || field.Field != tt.problem):
				t.Fatalf("error is %v, want one that names %s", err, tt.problem)
			}
		})
	}
}
