package pusher

import (
	"crypto/hmac"
	"crypto/md5" //nolint:gosec // Pusher's protocol demands it; what protects is the HMAC of it
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
)

// App is an app of Pusher, with its secret.
type App struct {
	id, key string
	secret  []byte
	prefix  string
	server  *url.URL
}

// private is what the name of a private channel begins with.
const private = "private-"

// maxName is the most bytes of a channel's name that every hub takes.
const maxName = 164

// Channel returns the name of a channel at the hub. Two channels never have the same. Pusher allows of the characters of an ID all
// but ~ : and +. In a name, = and two hexadecimal digits stand for them. A name that would be too long is made of a hash.
func (a *App) Channel(ch motacilla.ChannelID, isPrivate bool) string {
	var name strings.Builder
	if isPrivate {
		name.WriteString(private)
	}
	name.WriteString(a.prefix)
	length := len(private) + len(a.prefix) // of public channels too, so that a channel has the same name whether it is private or not
	for i := range len(ch) {
		length++
		if escaped(ch[i]) {
			length += 2
		}
	}
	if length > maxName {
		sum := sha256.Sum256([]byte(ch))
		fmt.Fprintf(&name, "==%x", sum)
		return name.String()
	}
	for i := range len(ch) {
		if escaped(ch[i]) {
			fmt.Fprintf(&name, "=%02x", ch[i])
		} else {
			name.WriteByte(ch[i])
		}
	}
	return name.String()
}

func escaped(c byte) bool { return c == '~' || c == ':' || c == '+' }

// parse returns the private channel of a name at the hub. given is the ID as the reader gives it, or empty: the name of a channel
// with a long ID does not tell.
func (a *App) parse(name, given string) (motacilla.ChannelID, error) {
	rest, ok := strings.CutPrefix(name, private+a.prefix)
	if !ok {
		return "", motacilla.Invalid("channel_name", "must be that of a private channel, which begins with %s%s", private, a.prefix)
	}
	if given == "" {
		given = strings.NewReplacer("=7e", "~", "=3a", ":", "=2b", "+").Replace(rest)
	}
	ch, err := motacilla.ParseChannelID(given)
	if err != nil || a.Channel(ch, true) != name {
		return "", motacilla.Invalid("channel_name", "does not name a channel; if its ID is long, the field channel_id must have it")
	}
	return ch, nil
}

// Authorize returns the token with which the connection of this socket ID may subscribe to a private channel. The caller must have
// authorised the reader.
func (a *App) Authorize(socketID string, ch motacilla.ChannelID) string {
	return a.key + ":" + a.sign(socketID+":"+a.Channel(ch, true))
}

// signed returns the URL of a request to the HTTP API, with its signature.
func (a *App) signed(method, resource string, body []byte, now time.Time) string {
	u := a.server.JoinPath("apps", a.id, resource)
	sum := md5.Sum(body)                                                                    //nolint:gosec // see above
	query := "auth_key=" + a.key + "&auth_timestamp=" + strconv.FormatInt(now.Unix(), 10) + // in the order of the alphabet, as it is signed
		"&auth_version=1.0&body_md5=" + hex.EncodeToString(sum[:])
	u.RawQuery = query + "&auth_signature=" + a.sign(method+"\n"+u.EscapedPath()+"\n"+query)
	return u.String()
}

func (a *App) sign(text string) string {
	mac := hmac.New(sha256.New, a.secret)
	mac.Write([]byte(text))
	return hex.EncodeToString(mac.Sum(nil))
}
