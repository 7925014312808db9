package syndication

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/mmcdole/gofeed"
	"github.com/mmcdole/gofeed/atom"
	feedjson "github.com/mmcdole/gofeed/json"
	"github.com/mmcdole/gofeed/rss"
	"github.com/motacilla-live/motacilla"
	"golang.org/x/net/html/charset"
)

// The limits of a document.
const (
	maxBody  = 8 << 20 // bytes
	maxDepth = 64      // elements within elements
	maxParts = 100_000 // elements of XML, or objects of JSON: each takes far more memory than its bytes
)

// document is a feed as it was read.
type document struct {
	title   string
	entries []entry  // the newest first
	ordered bool     // the entries are in the order of their dates, as far as they have some
	deleted []string // message IDs of entries that the feed says are deleted (RFC 6721)
	hint    time.Duration
	hub     string // of WebSub
	self    string
}

// parse reads a document of a feed. feed is the URL as it is configured, from which message IDs are made; base is the one that
// relative URLs are relative to. The document has at most most entries. The error is an ErrInvalid.
func parse(body []byte, contentType string, feed, base *url.URL, most int) (document, error) {
	body, err := toUTF8(body, contentType)
	switch {
	case err != nil:
	case !isJSON(body):
		err = checkXML(body)
	case bytes.Count(body, []byte("{")) > maxParts:
		err = errMany
	}
	var f *gofeed.Feed
	if err == nil {
		p := gofeed.NewParser()
		p.KeepOriginalFeed = true
		p.RSSTranslator = &gofeed.DefaultRSSTranslator{DisableContentImageScan: true}
		f, err = p.Parse(bytes.NewReader(body))
	}
	if err != nil {
		return document{}, motacilla.Invalid("feed", "can't be read as Atom, RSS or JSON Feed: %v", err)
	}
	d := document{title: plain(f.Title, 200)}
	d.read(f, body)
	if d.hub, err = absolute(base, d.hub); err != nil {
		d.hub = ""
	}
	if d.self, err = absolute(base, d.self); err != nil {
		d.self = ""
	}
	d.entries = entriesOf(f, feed, base)
	d.ordered = newestFirst(d.entries)
	d.entries = d.entries[:min(len(d.entries), most)]
	for _, list := range f.Extensions {
		for _, e := range list["deleted-entry"] {
			if ref := e.Attrs["ref"]; ref != "" && len(d.deleted) < most {
				d.deleted = append(d.deleted, messageID(feed, ref))
			}
		}
	}
	return d, nil
}

// read takes over what only one of the formats has.
func (d *document) read(f *gofeed.Feed, body []byte) {
	switch o := f.OriginalFeed().(type) {
	case *atom.Feed:
		for _, l := range o.Links {
			d.link(l.Rel, l.Href)
		}
	case *rss.Feed:
		d.hint = ttl(o.TTL)
	case *feedjson.Feed:
		var more struct {
			Hubs []struct{ Type, URL string }
		}
		_ = json.Unmarshal(body, &more) // gofeed has read it already
		d.self = o.FeedURL
		for _, h := range more.Hubs {
			if strings.EqualFold(h.Type, "WebSub") {
				d.link("hub", h.URL)
			}
		}
	}
	for _, prefix := range []string{"atom", "atom10", "atom03"} {
		for _, l := range f.Extensions[prefix]["link"] {
			d.link(l.Attrs["rel"], l.Attrs["href"])
		}
	}
	if sy := f.Extensions["sy"]; len(sy["updatePeriod"]) > 0 {
		frequency := ""
		if len(sy["updateFrequency"]) > 0 {
			frequency = sy["updateFrequency"][0].Value
		}
		d.hint = max(d.hint, updatePeriod(sy["updatePeriod"][0].Value, frequency))
	}
}

// link takes the first hub and the first self link.
func (d *document) link(rel, href string) {
	switch {
	case rel == "hub" && d.hub == "":
		d.hub = href
	case rel == "self" && d.self == "":
		d.self = href
	}
}

// newestFirst puts entries in order if they have dates and the feed has the oldest one first. ordered is false if they are in no
// order of time.
func newestFirst(list []entry) (ordered bool) {
	falls, rises := false, false
	var last time.Time
	for _, e := range list {
		at := e.published
		if at.IsZero() {
			continue
		}
		if !last.IsZero() {
			falls, rises = falls || at.Before(last), rises || at.After(last)
		}
		last = at
	}
	if rises && !falls {
		for i, j := 0, len(list)-1; i < j; i, j = i+1, j-1 {
			list[i], list[j] = list[j], list[i]
		}
	}
	return !rises || !falls
}

var (
	errDeep = errors.New("its elements are nested too deep")
	errMany = errors.New("it has too many elements")
)

// checkXML refuses what would take much of the stack: parsers call themselves for each element within an element. encoding/xml
// loads no external entity and expands none of the document's own, so that nothing can multiply.
func checkXML(body []byte) error {
	d := xml.NewDecoder(bytes.NewReader(body))
	d.Strict = false
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	for depth, parts := 0, 0; ; {
		token, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch token.(type) {
		case xml.StartElement:
			if depth++; depth > maxDepth {
				return errDeep
			}
			if parts++; parts > maxParts {
				return errMany
			}
		case xml.EndElement:
			depth--
		}
	}
}

func isJSON(body []byte) bool { return bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("{")) }

var declaration = regexp.MustCompile(`^\s*<\?xml[^>]*?(?:encoding\s*=\s*["']([A-Za-z0-9._:-]+)["'][^>]*)?\?>`)

// toUTF8 returns a document in UTF-8. A byte order mark says how it is encoded, or else the XML declaration, or else the
// Content-Type (RFC 7303, section 3). What is not of that encoding becomes U+FFFD.
func toUTF8(body []byte, contentType string) ([]byte, error) {
	if len(body) > maxBody {
		return nil, errors.New("it is too large")
	}
	label := ""
	switch {
	case bytes.HasPrefix(body, []byte("\xef\xbb\xbf")):
		body = body[3:]
		label = "utf-8"
	case bytes.HasPrefix(body, []byte("\xff\xfe")), bytes.HasPrefix(body, []byte("<\x00?\x00")):
		label = "utf-16le"
	case bytes.HasPrefix(body, []byte("\xfe\xff")), bytes.HasPrefix(body, []byte("\x00<\x00?")):
		label = "utf-16be"
	}
	if label == "" {
		if m := declaration.FindSubmatch(body); m != nil {
			label = string(m[1])
		}
	}
	if label == "" {
		_, parameters, _ := mime.ParseMediaType(contentType)
		label = parameters["charset"]
	}
	if label == "" || isJSON(body) {
		label = "utf-8"
	}
	encoding, name := charset.Lookup(label)
	if encoding == nil {
		return nil, errors.New("its encoding is not known")
	}
	if name != "utf-8" {
		decoded, err := io.ReadAll(io.LimitReader(encoding.NewDecoder().Reader(bytes.NewReader(body)), 4*maxBody))
		if err != nil {
			return nil, err
		}
		body = bytes.TrimPrefix(decoded, []byte("\xef\xbb\xbf"))
	}
	if !utf8.Valid(body) {
		body = bytes.ToValidUTF8(body, []byte("\ufffd"))
	}
	if m := declaration.FindIndex(body); m != nil { // it would be decoded again
		body = body[m[1]:]
	}
	return body, nil
}

// linksOf returns the URLs of the Link headers with this relation (RFC 8288).
func linksOf(h http.Header, relation string) []string {
	var all []string
	for _, value := range h.Values("Link") {
		for _, m := range linkHeader.FindAllStringSubmatch(value, 100) {
			for rel := range strings.FieldsSeq(strings.ToLower(relationOf(m[2]))) {
				if rel == relation {
					all = append(all, m[1])
				}
			}
		}
	}
	return all
}

var (
	linkHeader   = regexp.MustCompile(`<([^<>]*)>((?:\s*;\s*[\w*!#$&+.^|~-]+\s*(?:=\s*(?:"[^"]*"|[^\s",;]*))?)*)`)
	linkRelation = regexp.MustCompile(`(?i);\s*rel\s*=\s*(?:"([^"]*)"|([^\s",;]*))`)
)

func relationOf(parameters string) string {
	if m := linkRelation.FindStringSubmatch(parameters); m != nil {
		return m[1] + m[2]
	}
	return ""
}

// absolute resolves a URL that may be relative. It returns an error unless the result is http or https; "" stays "".
func absolute(base *url.URL, ref string) (string, error) {
	ref = strings.TrimSpace(ref)
	if ref == "" {
		return "", nil
	}
	u, err := url.Parse(ref)
	if err != nil {
		return "", err
	}
	if base != nil {
		u = base.ResolveReference(u)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || len(u.String()) > motacilla.MaxURL {
		return "", errors.New("must be an http or https URL")
	}
	return u.String(), nil
}
