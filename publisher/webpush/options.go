package webpush

import (
	"encoding/base64"
	"net/mail"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher/relay"
)

// Options are the settings of a Publisher. Contact must be set. Other zero fields mean the defaults.
type Options struct {
	relay.Options
	Contact    string        `key:"contact" required:"true" doc:"how operators of push services reach you: mailto:ADDRESS or an https URL"`
	PrivateKey string        `key:"private_key" secret:"true" doc:"private VAPID key in base64url; empty makes one, kept in the store"`
	Services   []string      `key:"services" doc:"hosts of push services that are called, such as *.push.apple.com; empty is all"`
	TTL        time.Duration `key:"ttl" min:"1m" max:"672h" doc:"age from which a post is not told of, also to devices that come back"`
	Urgency    string        `key:"urgency" choices:"normal,high" doc:"high wakes devices that save their battery"`
	Keep       time.Duration `key:"keep" min:"1h" doc:"time after which a reader that has not opened the page is forgotten"`
	PerChannel int           `key:"per_channel" min:"1" doc:"the most readers of a channel that get notifications, about"`
	PerAddress int           `key:"per_address" min:"1" doc:"the most of them that have subscribed from one address"`
}

// Defaults returns the options that zero fields mean, except that private channels are among them.
func Defaults() *Options {
	options := relay.Defaults(name)
	options.Private = true // only who may read a private channel can subscribe to it
	return &Options{Options: options, TTL: 4 * time.Hour, Urgency: "high", Keep: 60 * 24 * time.Hour, PerChannel: 100_000, PerAddress: 200}
}

// keepPrivate is the most that Keep is for a private channel. So whoever may no longer read it is told no longer, some days later.
const keepPrivate = 7 * 24 * time.Hour

func (o *Options) withDefaults() Options {
	d := *Defaults()
	if o == nil {
		return d
	}
	d.Options, d.Contact, d.PrivateKey, d.Services = o.Options, o.Contact, o.PrivateKey, slices.Clone(o.Services)
	if o.TTL > 0 {
		d.TTL = o.TTL
	}
	if o.Urgency != "" {
		d.Urgency = o.Urgency
	}
	if o.Keep > 0 {
		d.Keep = o.Keep
	}
	if o.PerChannel > 0 {
		d.PerChannel = o.PerChannel
	}
	if o.PerAddress > 0 {
		d.PerAddress = o.PerAddress
	}
	return d
}

// validate returns an ErrInvalid that names the first wrong option.
func (o *Options) validate() error {
	if !validContact(o.Contact) {
		return motacilla.Invalid("contact", "must be mailto: with an address, or an https URL")
	}
	if o.Urgency != "normal" && o.Urgency != "high" {
		return motacilla.Invalid("urgency", "must be normal or high")
	}
	for _, s := range o.Services {
		if host := strings.TrimPrefix(s, "*."); host == "" || strings.ContainsAny(host, "*/: ") {
			return motacilla.Invalid("services", "must be hosts, such as *.push.apple.com; one is %q", s)
		}
	}
	if o.PrivateKey != "" {
		if _, err := o.scalar(); err != nil {
			return err
		}
	}
	return nil
}

func validContact(s string) bool {
	if address, ok := strings.CutPrefix(s, "mailto:"); ok {
		parsed, err := mail.ParseAddress(address)
		return err == nil && parsed.Address == address
	}
	u, err := url.Parse(s)
	return err == nil && u.Scheme == "https" && u.Host != ""
}

// scalar returns the bytes of PrivateKey.
func (o *Options) scalar() ([]byte, error) {
	scalar, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(o.PrivateKey, "="))
	if err != nil || len(scalar) != scalarSize {
		return nil, motacilla.Invalid("private_key", "must be a private key of the curve P-256: %d bytes in base64url", scalarSize)
	}
	_, err = newVAPID(scalar, o.Contact)
	return scalar, err
}

// serves reports whether Services has the host of a push service.
func (o *Options) serves(host string) bool {
	if len(o.Services) == 0 {
		return true
	}
	return slices.ContainsFunc(o.Services, func(s string) bool {
		s = strings.ToLower(s)
		below, wild := strings.CutPrefix(s, "*")
		return s == host || wild && strings.HasSuffix(host, below)
	})
}
