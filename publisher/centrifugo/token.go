package centrifugo

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher/relay"
)

// ConnectionToken returns a reader's token for a connection. key is client.token.hmac_secret_key of Centrifugo. user names the
// reader and may be empty. The connection is subscribed to channels from its beginning, private ones too: a transport in one
// direction, such as uni_sse, has no other way. Centrifugo ends the connection when the token expires, unless the reader sends a
// new one.
func ConnectionToken(key, user string, expires time.Time, channels ...string) (string, error) {
	claims := jwt.MapClaims{"sub": user, "exp": jwt.NewNumericDate(expires)}
	if len(channels) > 0 {
		claims["channels"] = channels
	}
	return sign(key, claims)
}

// SubscriptionToken returns a reader's token for one channel, over a connection of the same user. key is
// client.subscription_token.hmac_secret_key of Centrifugo or, if that is not enabled, client.token.hmac_secret_key.
func SubscriptionToken(key, user string, expires time.Time, channel string) (string, error) {
	return sign(key, jwt.MapClaims{"sub": user, "exp": jwt.NewNumericDate(expires), "channel": channel})
}

func sign(key string, claims jwt.MapClaims) (string, error) {
	return jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(key))
}

// ticket tells a reader how to follow a channel: over a WebSocket, where it connects with the token and subscribes to the channel
// with the token of the subscription, or with an EventSource of the other URL.
func (o *Options) ticket(_ *http.Request, ch motacilla.ChannelID, private bool, expires time.Time) (*relay.Ticket, error) {
	u, err := url.Parse(o.Readers)
	if err != nil {
		return nil, err
	}
	t := &relay.Ticket{Protocol: name, Channel: o.channelName(ch, private)}
	connect := map[string]any{"subs": map[string]struct{}{t.Channel: {}}}
	if o.TokenKey != "" {
		var subscribed string
		if t.Token, err = ConnectionToken(o.TokenKey, "", expires); err != nil {
			return nil, err
		}
		if t.Subscription, err = SubscriptionToken(o.TokenKey, "", expires, t.Channel); err != nil {
			return nil, err
		}
		if subscribed, err = ConnectionToken(o.TokenKey, "", expires, t.Channel); err != nil {
			return nil, err
		}
		connect = map[string]any{"token": subscribed}
	}
	request, err := json.Marshal(connect)
	if err != nil {
		return nil, err
	}
	socket, events := u.JoinPath("connection/websocket"), u.JoinPath("connection/uni_sse")
	socket.Scheme = "ws" + strings.TrimPrefix(u.Scheme, "http")
	events.RawQuery = url.Values{"cf_connect": {string(request)}}.Encode()
	t.URL, t.SSE = socket.String(), events.String()
	return t, nil
}
