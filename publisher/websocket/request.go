package websocket

import (
	"bytes"
	"errors"
	"io"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
)

// Keys of a request.
const (
	subscribeKey   = "subscribe"   // an object of channels and revisions
	unsubscribeKey = "unsubscribe" // a list of channels
)

// parseRequest reads a message of a reader that follows several channels, strictly:
// {"subscribe":{"match-42":1763890000456789,"match-43":null},"unsubscribe":["match-44"]}.
func parseRequest(text []byte) publisher.Request {
	p := parser{decoder: jsontext.NewDecoder(bytes.NewReader(text))}
	r, err := p.request()
	if err != nil {
		return publisher.Request{Bad: err}
	}
	return r
}

// parser reads one message. The decoder refuses repeated keys.
type parser struct{ decoder *jsontext.Decoder }

func (p parser) request() (r publisher.Request, err error) {
	err = p.object("", func(key string) error {
		switch key {
		case subscribeKey:
			return p.subscribe(&r)
		case unsubscribeKey:
			return p.unsubscribe(&r)
		}
		return motacilla.Invalid(key, "is not known: a message has the keys subscribe and unsubscribe")
	})
	if err != nil {
		return r, err
	}
	if _, err := p.decoder.ReadToken(); !errors.Is(err, io.EOF) {
		return r, motacilla.Invalid("", "a message must have one JSON object and nothing else")
	}
	if len(r.Subscribe)+len(r.Unsubscribe) == 0 {
		return r, motacilla.Invalid(subscribeKey, "must name a channel, or unsubscribe must")
	}
	return r, nil
}

// object reads an object. value reads the value of a key.
func (p parser) object(field string, value func(key string) error) error {
	if token, err := p.decoder.ReadToken(); err != nil || token.Kind() != '{' {
		return notJSON(field, err, "must be a JSON object")
	}
	for p.decoder.PeekKind() != '}' {
		token, err := p.decoder.ReadToken()
		if err != nil {
			return notJSON(field, err, "")
		}
		if err := value(token.String()); err != nil {
			return err
		}
	}
	_, err := p.decoder.ReadToken()
	return notJSON(field, err, "")
}

// notJSON returns what is wrong; nil if nothing is.
func notJSON(field string, err error, otherwise string) error {
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		return motacilla.Invalid(field, "must not have a key twice")
	case err != nil:
		return motacilla.Invalid(field, "must be JSON in UTF-8")
	case otherwise != "":
		return motacilla.Invalid(field, "%s", otherwise)
	}
	return nil
}

func (p parser) subscribe(r *publisher.Request) error {
	return p.object(subscribeKey, func(key string) error {
		ch, err := channel(subscribeKey, key)
		if err != nil {
			return err
		}
		token, err := p.decoder.ReadToken()
		if err != nil {
			return notJSON(subscribeKey, err, "")
		}
		c := publisher.Cursor{Channel: ch}
		if token.Kind() != 'n' {
			if c.After, err = motacilla.ParseRevision(token.String()); err != nil || token.Kind() != '0' {
				return motacilla.Invalid(subscribeKey, "must give the channel %s a revision in decimal digits, or null", ch)
			}
		}
		if len(r.Subscribe) == publisher.MostChannels {
			return motacilla.Invalid(subscribeKey, "must have at most %d channels", publisher.MostChannels)
		}
		r.Subscribe = append(r.Subscribe, c)
		return nil
	})
}

func (p parser) unsubscribe(r *publisher.Request) error {
	if token, err := p.decoder.ReadToken(); err != nil || token.Kind() != '[' {
		return notJSON(unsubscribeKey, err, "must be a list of channels")
	}
	for p.decoder.PeekKind() != ']' {
		token, err := p.decoder.ReadToken()
		if err != nil || token.Kind() != '"' {
			return notJSON(unsubscribeKey, err, "must be a list of channels")
		}
		ch, err := channel(unsubscribeKey, token.String())
		if err != nil {
			return err
		}
		if len(r.Unsubscribe) == publisher.MostChannels {
			return motacilla.Invalid(unsubscribeKey, "must have at most %d channels", publisher.MostChannels)
		}
		r.Unsubscribe = append(r.Unsubscribe, ch)
	}
	_, err := p.decoder.ReadToken()
	return notJSON(unsubscribeKey, err, "")
}

func channel(field, id string) (motacilla.ChannelID, error) {
	ch, err := motacilla.ParseChannelID(id)
	if err != nil {
		return "", motacilla.Invalid(field, "must name channels: an ID is 1 to %d of A-Z a-z 0-9 - . _ ~ : @ +", motacilla.MaxID)
	}
	return ch, nil
}
