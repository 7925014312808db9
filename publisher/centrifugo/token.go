package centrifugo

import (
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// ConnectionToken returns a reader's token for a connection. key is client.token.hmac_secret_key of Centrifugo. user names the reader and may
// be empty. The connection is subscribed to channels from its beginning, private ones too: a transport in one direction, such as uni_sse,
// has no other way. Centrifugo ends the connection when the token expires, unless the reader sends a new one.
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
