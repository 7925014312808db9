package grip

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/route"
)

// links makes and checks the links by which the proxy asks for what its readers lack. The proxy asks without the readers' cookies and
// tokens, and once for all readers who have the same link. So a link says that its reader was authorised, until when, and whose permission
// it was if that can be revoked. The secret is the same on all nodes.
type links struct{ secret []byte }

func newLinks(o *Options) *links {
	sum := sha256.New()
	fmt.Fprintf(sum, "links of GRIP\n%q\n", o.Key)
	if !isPEM(o.VerifyKey) {
		fmt.Fprintf(sum, "%q\n", o.VerifyKey)
	}
	return &links{sum.Sum(nil)}
}

// linkLife is how long a link lives at least, and at most twice as long, unless the reader's permission ends before. After that the proxy
// closes the connection when it next asks, and the reader comes back.
const linkLife = time.Hour

// token returns what a link for a reader with this permission has.
func (l *links) token(ch motacilla.ChannelID, g route.Grant, now time.Time) string {
	until := now.Truncate(linkLife).Add(2 * linkLife)
	if !g.Expires.IsZero() && g.Expires.Before(until) {
		until = g.Expires
	}
	while := "0"
	if g.WhilePublic {
		while = "1"
	}
	said := strconv.FormatInt(until.Unix(), 10) + "." + while
	if g.Holder.Revocable() && !g.WhilePublic {
		said += "." + base64.RawURLEncoding.EncodeToString([]byte(g.Holder.ID))
	}
	return said + "." + l.mac(ch, said)
}

// grant returns the permission that a link has, if it is one of ours and has not expired. The next link of the same reader has the same
// token.
func (l *links) grant(ch motacilla.ChannelID, token string, now time.Time) (g route.Grant, ok bool) {
	at := strings.LastIndexByte(token, '.')
	if at < 0 || !hmac.Equal([]byte(l.mac(ch, token[:at])), []byte(token[at+1:])) {
		return route.Grant{}, false
	}
	seconds, while, _ := strings.Cut(token[:at], ".")
	while, holder, held := strings.Cut(while, ".")
	n, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return route.Grant{}, false
	}
	g = route.Grant{Expires: time.Unix(n, 0), WhilePublic: while == "1"}
	if held {
		id, err := base64.RawURLEncoding.DecodeString(holder)
		if err != nil {
			return route.Grant{}, false
		}
		g.Holder = &route.Holder{ID: string(id)}
	}
	return g, now.Before(g.Expires)
}

func (l *links) mac(ch motacilla.ChannelID, said string) string {
	mac := hmac.New(sha256.New, l.secret)
	fmt.Fprintf(mac, "%s\n%s", ch, said)
	return hex.EncodeToString(mac.Sum(nil)[:16])
}
