package webhook

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
)

// Options are the receiver's settings: one source, and how its documents become posts. What an entry leaves out, its preset has.
// docs/webhooks.md describes paths, conditions and templates.
type Options struct {
	Name   string `key:"name" doc:"the source's name: its address is /hooks/NAME, and its posts have it; default: the preset's"`
	Preset string `key:"preset" doc:"a mapping to begin with, such as github-releases; motacilla webhook presets lists them"`

	Verify string `key:"verify" doc:"how the source proves itself" choices:"github,stripe,slack,standard,websub,hmac,bearer,basic,header,path"`

	Secrets []string `key:"secrets" doc:"what the source signs with, or sends; several while one is replaced" secret:"true" required:"true"`

	Header     string        `key:"header" doc:"hmac, header: the header that has the signature or the secret"`
	Algorithm  string        `key:"algorithm" doc:"hmac: the algorithm; default sha256" choices:"sha1,sha256,sha512"`
	Encoding   string        `key:"encoding" doc:"hmac: the signature's encoding; default hex" choices:"hex,base64"`
	Prefix     string        `key:"prefix" doc:"hmac: what stands before a signature, such as sha256="`
	Separator  string        `key:"separator" doc:"hmac: what separates the parts of the header, if it has several"`
	Timestamp  string        `key:"timestamp" doc:"hmac: the header with the time of signing, or, if it ends in =, a part of the same header"`
	Signed     string        `key:"signed" doc:"hmac: what is signed, such as {timestamp}.{body}; default {body}"`
	Tolerance  time.Duration `key:"tolerance" doc:"how old a signed time may be; default 5m"`
	EventFrom  string        `key:"event_header" doc:"the header that names the kind of document, such as X-GitHub-Event"`
	Events     []string      `key:"events" doc:"the kinds of documents that are taken; others are ignored"`
	DeliveryID string        `key:"delivery_header" doc:"the header that is the same if a delivery is repeated, such as X-GitHub-Delivery"`

	Channel   string   `key:"channel" doc:"template: the channel's ID"`
	Each      string   `key:"each" doc:"path: the parts of the document that become one post each; default: the whole document"`
	When      []string `key:"when" doc:"conditions: a part becomes a post if all of them hold"`
	MessageID string   `key:"message_id" doc:"template: the part's ID; a part with the same ID edits its post; default: a hash of the part"`
	Version   string   `key:"version" doc:"template: a number or a time that grows with each edit; default: the last delivery counts"`
	Author    string   `key:"author" doc:"template: the author"`
	Created   string   `key:"created" doc:"template: the post's time, RFC 3339 or seconds; default: when it is stored"`
	Title     string   `key:"title" doc:"template: the first line, in bold"`
	Link      string   `key:"link" doc:"template: the address that the title leads to"`
	Text      string   `key:"text" doc:"template in HTML: what the post says; values are escaped"`
	Image     []string `key:"image" doc:"paths: addresses of images, which are fetched"`
	ImageAlt  string   `key:"image_alt" doc:"template: what the images show"`
	Pinned    []string `key:"pinned" doc:"conditions: the post is pinned if all of them hold"`
	KeyEvent  []string `key:"key_event" doc:"conditions: the post is a key event if all of them hold"`
	Hidden    []string `key:"hidden" doc:"conditions: the post is hidden if all of them hold"`
	Remove    []string `key:"remove" doc:"conditions: the post is removed if all of them hold"`

	Response string `key:"response" doc:"template: the text of the answer, if the source wants one"`
	MaxBody  int    `key:"max_body" doc:"the largest document, in bytes" min:"1024" max:"8388608"`
}

// defaults are the settings that neither an entry nor its preset has.
func defaults() *Options { return &Options{MaxBody: 1 << 20} }

// names are what a source may be called: its name is in the path, and in the names of what the store keeps for it.
var names = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$`)

// complete returns o with what its preset has for the options that o leaves out.
func (o *Options) complete() (*Options, error) {
	c := *defaults()
	if o != nil {
		c = *o
	}
	if c.Preset != "" {
		p, err := FindPreset(c.Preset)
		if err != nil {
			return nil, err
		}
		to, from := reflect.ValueOf(&c).Elem(), reflect.ValueOf(&p.Options).Elem()
		for i := range to.NumField() {
			if f := to.Field(i); f.IsZero() || f.Kind() == reflect.Slice && f.Len() == 0 {
				f.Set(from.Field(i))
			}
		}
	}
	if c.Name == "" {
		c.Name = c.Preset
	}
	if c.Name == "" {
		c.Name = Name
	}
	if !names.MatchString(c.Name) {
		return nil, motacilla.Invalid("name", "must be 1 to 40 of a-z, 0-9 and '-', not %q", c.Name)
	}
	if c.MaxBody <= 0 {
		c.MaxBody = defaults().MaxBody
	}
	return &c, nil
}

// keyed returns the option of a key, to be set.
func (o *Options) keyed(key string) (reflect.Value, bool) {
	v := reflect.ValueOf(o).Elem()
	for i := range v.NumField() {
		if v.Type().Field(i).Tag.Get("key") == key {
			return v.Field(i), true
		}
	}
	return reflect.Value{}, false
}

// at names a place in an option's text, which may have several lines. offset is in bytes.
func at(text string, offset int) string {
	offset = min(max(offset, 0), len(text))
	before := text[:offset]
	line := 1 + strings.Count(before, "\n")
	return fmt.Sprintf("line %d, column %d", line, offset-strings.LastIndexByte(before, '\n'))
}
