package mercure

import (
	"net/http"
	"net/url"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher/relay"
)

// tokenLife is how long the token of a push is valid: the clocks of this machine and of the hub may differ by as much.
const tokenLife = time.Hour

// PublisherToken returns a token that allows to publish on topics. key is the hub's key for publishers. Without topics, the token
// allows nothing; the topic "*" is all topics.
func PublisherToken(key string, expires time.Time, topics ...string) (string, error) {
	return token(key, expires, "publish", topics)
}

// SubscriberToken returns a token with which a reader gets the private updates of topics. key is the hub's key for subscribers.
// The hub ends the reader's connection when the token expires. Without topics, the token allows to connect, to a hub that demands
// a token of everybody.
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

// ticket tells a reader how to follow a channel: with an EventSource of the URL, to which authorization=TOKEN is added.
func (o *Options) ticket(_ *http.Request, ch motacilla.ChannelID, _ bool, expires time.Time) (*relay.Ticket, error) {
	topic := Topic(o.Topic, ch)
	u, err := url.Parse(o.Readers)
	if err != nil {
		return nil, err
	}
	query := u.Query()
	query.Set("topic", topic)
	u.RawQuery = query.Encode()
	t := &relay.Ticket{Protocol: name, URL: u.String()}
	if o.SubscriberKey != "" {
		t.Token, err = SubscriberToken(o.SubscriberKey, expires, topic)
	}
	return t, err
}
