package nats

import (
	"strings"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/natsconn"
	"github.com/motacilla-live/motacilla/publisher/relay"
)

// Connection are the settings of the connection to NATS.
type Connection = natsconn.Options

// Options are the publisher's settings. Zero fields mean the defaults, apart from Servers.
type Options struct {
	relay.Options
	Connection

	Subject        string `key:"subject" doc:"subject of a channel, with {channel_id}"` // motacilla.{channel_id}
	PrivateSubject string `key:"private_subject" doc:"subject of a private channel, with {channel_id}; needed with private"`
	Stream         string `key:"stream" doc:"stream of JetStream that stores the subjects; an update is pushed when it is stored"`
	MaxBytes       int    `key:"max_bytes" min:"1000" doc:"readers ask the origin for an update that has more bytes"` // 1000000
}

const (
	name     = "nats"
	variable = "{channel_id}"

	defaultSubject = "motacilla." + variable
	// defaultMaxBytes is below the servers' default max_payload, 1 MiB, which counts the headers too.
	defaultMaxBytes = 1_000_000
)

// Defaults returns the defaults.
func Defaults() *Options {
	return &Options{Options: relay.Defaults(name), Subject: defaultSubject, MaxBytes: defaultMaxBytes}
}

// complete returns o with the defaults. The error is a motacilla.ErrInvalid that names the option.
func (o *Options) complete() (*Options, error) {
	c := *o
	if c.Subject == "" {
		c.Subject = defaultSubject
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = defaultMaxBytes
	}
	if !validTemplate(c.Subject) {
		return nil, motacilla.Invalid("subject", templateProblem, c.Subject)
	}
	switch {
	case c.PrivateSubject == "" && c.Private:
		return nil, motacilla.Invalid("private_subject", "must be set, since private is: the servers' permissions keep private channels by it")
	case c.PrivateSubject == "":
	case !validTemplate(c.PrivateSubject):
		return nil, motacilla.Invalid("private_subject", templateProblem, c.PrivateSubject)
	case mayMeet(c.PrivateSubject, c.Subject):
		return nil, motacilla.Invalid("private_subject", "must differ from subject in a part without {channel_id}, or in how many parts it has")
	}
	if strings.ContainsAny(c.Stream, " \t\r\n.*>/\\") {
		return nil, motacilla.Invalid("stream", "must be the name of a stream, not %q", c.Stream)
	}
	return &c, nil
}
