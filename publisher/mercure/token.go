package mercure

import (
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// tokenLife is how long the token of a push is valid: the clocks of this machine and of the hub may differ by as much.
const tokenLife = time.Hour

// PublisherToken returns a token that allows to publish on topics. key is the hub's key for publishers. Without topics, the token allows
// nothing; the topic "*" is all topics.
func PublisherToken(key string, expires time.Time, topics ...string) (string, error) {
	return token(key, expires, "publish", topics)
}

// SubscriberToken returns a token with which a reader gets the private updates of topics. key is the hub's key for subscribers. The hub
// ends the reader's connection when the token expires. Without topics, the token allows to connect, to hubs that demand a token of everybody.
func SubscriberToken(key string, expires time.Time, topics ...string) (string, error) {
	return token(key, expires, "subscribe", topics)
}

func token(key string, expires time.Time, claim string, topics []string) (string, error) {
	if topics == nil {
		topics = []string{}
	}
	return jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"mercure": map[string][]string{claim: topics}, "exp": jwt.NewNumericDate(expires),
	}).SignedString([]byte(key))
}
