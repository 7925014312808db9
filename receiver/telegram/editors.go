package telegram

import (
	"context"
	"sync"
	"time"

	"github.com/go-telegram/bot/models"
)

// administratorsTTL is how long it takes at most until a new administrator may use commands, and a former one may not.
const administratorsTTL = 5 * time.Minute

// maxChats is how many chats' administrators are remembered.
const maxChats = 1000

// administrators remembers who the administrators of chats are.
type administrators struct {
	mu    sync.Mutex
	chats map[int64]staff
}

type staff struct {
	ids   map[int64]bool
	until time.Time
}

func (a *administrators) of(chat int64) (map[int64]bool, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	s, ok := a.chats[chat]
	return s.ids, ok && time.Now().Before(s.until)
}

func (a *administrators) set(chat int64, ids map[int64]bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.chats == nil || len(a.chats) >= maxChats {
		a.chats = map[int64]staff{}
	}
	a.chats[chat] = staff{ids, time.Now().Add(administratorsTTL)}
}

// senderID is the ID of who sent m: a user, or a chat on whose behalf a user wrote.
func senderID(m *message) int64 {
	switch {
	case m.SenderChat != nil:
		return m.SenderChat.ID
	case m.From != nil:
		return m.From.ID
	}
	return 0
}

// isEditor reports whether the sender of m may control posts. Only administrators can post in a channel of Telegram, so its posts are
// by editors. An administrator of a group who is anonymous writes in the name of the group.
func (r *Receiver) isEditor(ctx context.Context, m *message) (bool, error) {
	id := senderID(m)
	switch {
	case m.Chat.Type == models.ChatTypeChannel:
		return true, nil
	case id == 0:
		return false, nil
	case len(r.s.editors) > 0:
		return r.s.editors[id], nil
	case m.SenderChat != nil:
		return id == m.Chat.ID, nil
	case m.Chat.Type == models.ChatTypePrivate:
		return true, nil // it is the user's own chat with the bot
	}
	ids, ok := r.admins.of(m.Chat.ID)
	if !ok {
		var err error
		if ids, err = r.api.administrators(ctx, m.Chat.ID); err != nil {
			return false, err
		}
		r.admins.set(m.Chat.ID, ids)
	}
	return ids[id], nil
}
