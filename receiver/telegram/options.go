package telegram

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/receiver"
)

// Name is the receiver's name in the configuration, and the Source of its posts.
const Name = "telegram"

// The modes of the receiver.
const (
	Webhook = "webhook" // Telegram calls the server
	Polling = "polling" // the server asks Telegram
)

// Whose messages become posts.
const (
	AllAuthors    = "all"     // of everybody who may write in the chat
	EditorAuthors = "editors" // of editors alone
)

// DefaultAPI is the address of Telegram's Bot API.
const DefaultAPI = "https://api.telegram.org"

// Options are the receiver's settings. Empty fields mean the defaults.
type Options struct {
	Token         string   `key:"token" required:"true" secret:"true" doc:"the bot's token, as BotFather gives it"`
	Mode          string   `key:"mode" choices:"webhook,polling" doc:"webhook: Telegram calls this server; polling: this server asks Telegram"`
	Channels      []string `key:"channels" doc:"which chat feeds which channel, such as -100123=match-42; if empty, that of its ID"`
	Editors       []string `key:"editors" doc:"IDs of the users who may use commands; if empty, the administrators of the chat"`
	Authors       string   `key:"authors" choices:"all,editors" doc:"whose messages become posts: those of all members, or of editors alone"`
	Register      bool     `key:"register" doc:"with webhook: tell Telegram at the start where this server is; needs server.public_url"`
	Secret        string   `key:"secret" secret:"true" doc:"with webhook: what Telegram sends in a header; by default derived from the token"`
	DeleteWebhook bool     `key:"delete_webhook" doc:"with polling: if the bot still has a webhook, delete it"`
	Answers       bool     `key:"answers" doc:"answer commands of editors, and ask what an image shows; /get_chat_id is always answered"`
	Stickers      bool     `key:"stickers" doc:"take stickers that do not move as images; otherwise they make no post"`
	API           string   `key:"api" doc:"address of the Bot API, for a Bot API server of your own"`
}

// settings are checked Options.
type settings struct {
	Options
	bot      string // the bot's ID, which is no secret
	channels receiver.Channels
	editors  map[int64]bool
}

var (
	tokens  = regexp.MustCompile(`^[0-9]{1,20}:[A-Za-z0-9_-]{1,200}$`)
	secrets = regexp.MustCompile(`^[A-Za-z0-9_-]{1,256}$`)
)

// check returns o with its defaults, or an ErrInvalid that names the field.
func (o Options) check() (settings, error) {
	if o.Mode == "" {
		o.Mode = Webhook
	}
	if o.Authors == "" {
		o.Authors = AllAuthors
	}
	if o.API == "" {
		o.API = DefaultAPI
	}
	o.API = strings.TrimRight(o.API, "/")
	s := settings{Options: o, editors: map[int64]bool{}}
	api, err := url.Parse(o.API)
	switch {
	case !tokens.MatchString(o.Token):
		return s, motacilla.Invalid("token", "must be the bot's token as BotFather gives it: digits, a colon, letters and digits")
	case o.Mode != Webhook && o.Mode != Polling:
		return s, motacilla.Invalid("mode", "must be webhook or polling, not %q", o.Mode)
	case o.Authors != AllAuthors && o.Authors != EditorAuthors:
		return s, motacilla.Invalid("authors", "must be all or editors, not %q", o.Authors)
	case o.Mode == Polling && o.Register:
		return s, motacilla.Invalid("register", "is for the mode webhook")
	case o.Mode == Polling && o.Secret != "":
		return s, motacilla.Invalid("secret", "is for the mode webhook")
	case o.Mode == Webhook && o.DeleteWebhook:
		return s, motacilla.Invalid("delete_webhook", "is for the mode polling")
	case o.Secret != "" && !secrets.MatchString(o.Secret):
		return s, motacilla.Invalid("secret", "must be 1 to 256 of A-Z a-z 0-9 _ -")
	case err != nil || api.Scheme != "http" && api.Scheme != "https" || api.Host == "" || api.User != nil || api.RawQuery != "":
		return s, motacilla.Invalid("api", "must be an http or https URL, such as %s", DefaultAPI)
	}
	s.bot, _, _ = strings.Cut(o.Token, ":")
	if s.Secret == "" {
		s.Secret = deriveSecret(o.Token)
	}
	for _, e := range o.Editors {
		id, err := strconv.ParseInt(strings.TrimSpace(e), 10, 64)
		if err != nil || id == 0 {
			return s, motacilla.Invalid("editors", "must be IDs of users, such as 123456789, not %q", e)
		}
		s.editors[id] = true
	}
	if s.channels, err = receiver.ParseChannels(o.Channels); err != nil {
		return s, err
	}
	for chat := range s.channels {
		if !chatForm.MatchString(chat) {
			return s, motacilla.Invalid("channels", "must begin with the chat's ID, such as -1001234567890, or -1001234567890/5 for a topic, "+
				"not %q; /get_chat_id tells the ID", chat)
		}
	}
	return s, nil
}

// chatForm is that of a chat's ID, and perhaps a topic's.
var chatForm = regexp.MustCompile(`^-?[0-9]+(/[0-9]+)?$`)

// deriveSecret makes the secret of the webhook, so that nobody has to invent one. It does not tell the token.
func deriveSecret(token string) string {
	mac := hmac.New(sha256.New, []byte(token))
	mac.Write([]byte("motacilla telegram webhook"))
	return hex.EncodeToString(mac.Sum(nil))
}
