package telegram

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/go-telegram/bot/models"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/short"
)

// update is what Telegram delivers (https://core.telegram.org/bots/api#update). It has only what the receiver uses, and so does
// message: a field that Telegram adds or changes elsewhere can't make a delivery unreadable.
type update struct {
	ID                int64    `json:"update_id"`
	Message           *message `json:"message"`
	EditedMessage     *message `json:"edited_message"`
	ChannelPost       *message `json:"channel_post"`
	EditedChannelPost *message `json:"edited_channel_post"`
}

// allowedUpdates are the kinds of updates that the receiver asks Telegram for.
var allowedUpdates = []string{
	models.AllowedUpdateMessage, models.AllowedUpdateEditedMessage,
	models.AllowedUpdateChannelPost, models.AllowedUpdateEditedChannelPost,
}

// message is a message of a chat, or a post of a channel (https://core.telegram.org/bots/api#message).
type message struct {
	ID              int           `json:"message_id"`
	ThreadID        int           `json:"message_thread_id"`
	IsTopic         bool          `json:"is_topic_message"`
	Date            int64         `json:"date"`
	EditDate        int64         `json:"edit_date"`
	Chat            models.Chat   `json:"chat"`
	From            *models.User  `json:"from"`
	SenderChat      *models.Chat  `json:"sender_chat"`
	AuthorSignature string        `json:"author_signature"`
	MigrateToChatID int64         `json:"migrate_to_chat_id"`
	ReplyTo         *message      `json:"reply_to_message"`
	Quote           *quote        `json:"quote"`
	ForwardOrigin   *origin       `json:"forward_origin"`
	MediaGroupID    string        `json:"media_group_id"`
	LinkPreview     *linkPreview  `json:"link_preview_options"`
	Text            string        `json:"text"`
	Entities        []entity      `json:"entities"`
	Caption         string        `json:"caption"`
	CaptionEntities []entity      `json:"caption_entities"`
	CaptionAbove    bool          `json:"show_caption_above_media"`
	Photo           []photo       `json:"photo"`
	Document        *document     `json:"document"`
	Sticker         *sticker      `json:"sticker"`
	Audio           *audio        `json:"audio"`
	Animation       *struct{}     `json:"animation"`
	Poll            *poll         `json:"poll"`
	Checklist       *checklist    `json:"checklist"`
	Venue           *models.Venue `json:"venue"`
	Location        *location     `json:"location"`
}

type (
	entity   = models.MessageEntity
	photo    = models.PhotoSize
	document = models.Document
	location = models.Location

	linkPreview struct {
		IsDisabled bool `json:"is_disabled"`
	}
	quote struct {
		Text     string   `json:"text"`
		Entities []entity `json:"entities"`
	}
	// origin is where a forwarded message comes from. Its fields depend on its type, and any of them may be missing.
	origin struct {
		Type            string       `json:"type"`
		SenderUser      *models.User `json:"sender_user"`
		SenderUserName  string       `json:"sender_user_name"`
		SenderChat      *models.Chat `json:"sender_chat"`
		Chat            *models.Chat `json:"chat"`
		MessageID       int          `json:"message_id"`
		AuthorSignature string       `json:"author_signature"`
	}
	sticker struct {
		FileID       string `json:"file_id"`
		FileUniqueID string `json:"file_unique_id"`
		Width        int    `json:"width"`
		Height       int    `json:"height"`
		IsAnimated   bool   `json:"is_animated"`
		IsVideo      bool   `json:"is_video"`
		Emoji        string `json:"emoji"`
		FileSize     int64  `json:"file_size"`
	}
	audio struct {
		Performer string `json:"performer"`
		Title     string `json:"title"`
		FileName  string `json:"file_name"`
	}
	poll struct {
		Question         string       `json:"question"`
		QuestionEntities []entity     `json:"question_entities"`
		Options          []pollOption `json:"options"`
	}
	pollOption struct {
		Text         string   `json:"text"`
		TextEntities []entity `json:"text_entities"`
	}
	checklist struct {
		Title         string   `json:"title"`
		TitleEntities []entity `json:"title_entities"`
		Tasks         []task   `json:"tasks"`
	}
	task struct {
		Text           string   `json:"text"`
		TextEntities   []entity `json:"text_entities"`
		CompletionDate int64    `json:"completion_date"`
	}
)

// parseUpdate reads an update. The error is an ErrInvalid.
func parseUpdate(body []byte) (update, error) {
	var u update
	if err := json.Unmarshal(body, &u); err != nil {
		return u, motacilla.Invalid("body", "must be an update of Telegram's Bot API as JSON")
	}
	if u.ID <= 0 {
		return u, motacilla.Invalid("update_id", "must be a positive number")
	}
	for _, m := range []*message{u.Message, u.EditedMessage, u.ChannelPost, u.EditedChannelPost} {
		if m != nil && (m.ID <= 0 || m.Chat.ID == 0) {
			return u, motacilla.Invalid("message", "must have a message_id and a chat")
		}
	}
	return u, nil
}

// sourceVersion is the version of a message as an update has it. A message that was never edited has version 1. Telegram tells
// when a message was edited in seconds. Edits within one second are told apart by the ID of their update, which grows.
func sourceVersion(m *message, updateID int64) int64 {
	const since = 1420070400 // 2015, before there were bots; so a version has 31 bits of seconds until 2083
	if m.EditDate <= 0 {
		return 1
	}
	seconds := min(max(m.EditDate-since, 1), 1<<31-1)
	return seconds<<32 | updateID&(1<<32-1)
}

// messageID names the message of a post. All parts of an album have the same.
func messageID(m *message) string {
	if m.MediaGroupID != "" {
		return chatID(m) + ":album:" + m.MediaGroupID
	}
	return chatID(m) + ":" + strconv.Itoa(m.ID)
}

func chatID(m *message) string { return strconv.FormatInt(m.Chat.ID, 10) }

// topicID names the topic of a chat that m is in. It is empty if m is in none.
func topicID(m *message) string {
	if !m.IsTopic || m.ThreadID == 0 {
		return ""
	}
	return chatID(m) + "/" + strconv.Itoa(m.ThreadID)
}

// created is when m was sent. Telegram tells it in seconds. The microseconds are made of the message's ID, so that messages of one
// second stay in order.
func created(m *message) time.Time {
	if m.Date <= 0 || m.Date > 1<<33 {
		return time.Time{}
	}
	return time.Unix(m.Date, int64(m.ID%1_000_000)*int64(time.Microsecond)).UTC()
}

// author is who readers see as the author of m.
func author(m *message) string {
	name := ""
	switch {
	case m.AuthorSignature != "":
		name = m.AuthorSignature
	case m.SenderChat != nil:
		name = chatName(m.SenderChat)
	case m.From != nil:
		name = userName(m.From)
	default:
		name = chatName(&m.Chat)
	}
	return short.Cut(plain(name), motacilla.MaxID)
}

func userName(u *models.User) string {
	return strings.TrimSpace(u.FirstName + " " + u.LastName)
}

func chatName(c *models.Chat) string {
	if c.Title != "" {
		return c.Title
	}
	return strings.TrimSpace(c.FirstName + " " + c.LastName)
}

// plain returns text without U+0000, which stores do not take.
func plain(text string) string { return strings.ReplaceAll(text, "\x00", "\ufffd") }
