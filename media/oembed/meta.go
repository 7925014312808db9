package oembed

import (
	"bytes"
	"net/url"
	"strings"

	"github.com/motacilla-live/motacilla"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
	"golang.org/x/net/html/charset"
)

// maxTags is how many tags of a page are read at most. Its head comes first.
const maxTags = 5000

// description is what a page says of itself: by OpenGraph (https://ogp.me), by the tags of X, or by plain HTML.
type description struct {
	site, title, summary string // clean
	picture              string // an absolute URL, or ""
	endpoint             string // where the page says that its oEmbed answer is, or ""
}

// describe reads the head of a page at base. mediaType is the Content-Type header.
func describe(page []byte, mediaType string, base *url.URL) description {
	r, err := charset.NewReader(bytes.NewReader(page), mediaType)
	if err != nil {
		r = bytes.NewReader(page)
	}
	said := map[string]string{}
	say := func(name, value string) {
		if _, twice := said[name]; !twice && strings.TrimSpace(value) != "" {
			said[name] = value
		}
	}
	z := html.NewTokenizer(r)
tags:
	for range maxTags {
		switch z.Next() {
		case html.ErrorToken:
			break tags
		case html.StartTagToken, html.SelfClosingTagToken:
			name, more := z.TagName()
			switch atom.Lookup(name) {
			case atom.Body:
				break tags
			case atom.Title:
				if z.Next() == html.TextToken {
					say("title", string(z.Text()))
				}
			case atom.Meta:
				a := attributes(z, more)
				key := a["property"]
				if key == "" {
					key = a["name"]
				}
				say(strings.ToLower(key), a["content"])
			case atom.Link:
				a := attributes(z, more)
				if strings.EqualFold(a["rel"], "alternate") && strings.EqualFold(a["type"], "application/json+oembed") {
					say("oembed", a["href"])
				}
			}
		}
	}
	first := func(names ...string) string {
		for _, name := range names {
			if said[name] != "" {
				return said[name]
			}
		}
		return ""
	}
	return description{
		site:     clean(first("og:site_name", "application-name"), motacilla.MaxID),
		title:    clean(first("og:title", "twitter:title", "title"), motacilla.MaxCardTitle),
		summary:  clean(first("og:description", "twitter:description", "description"), motacilla.MaxCardSummary),
		picture:  address(base, first("og:image:secure_url", "og:image", "og:image:url", "twitter:image", "twitter:image:src")),
		endpoint: address(base, said["oembed"]),
	}
}

func attributes(z *html.Tokenizer, more bool) map[string]string {
	a := map[string]string{}
	for more {
		var key, value []byte
		key, value, more = z.TagAttr()
		if _, twice := a[string(key)]; !twice {
			a[string(key)] = string(value)
		}
	}
	return a
}
