package oembed

import (
	_ "embed" // for providers.json
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// providersJSON is the public list, trimmed by internal/providers.
//
//go:embed providers.json
var providersJSON []byte

// provider is a site that answers by oEmbed.
type provider struct {
	Name     string   `json:"name"`
	Endpoint string   `json:"endpoint"` // an https URL
	Schemes  []string `json:"schemes"`  // HOST/PATH of its pages; * matches anything, and *.HOST is HOST with its subdomains
	Hosts    []string `json:"hosts"`    // its own hosts, with their subdomains
	Player   bool     `json:"player"`   // what it wants to be shown in frames may be

	denied bool // by the options
}

// parseProviders reads a list. It checks what the rest of the package relies on.
func parseProviders(data []byte) ([]*provider, error) {
	var list []*provider
	if err := json.Unmarshal(data, &list); err != nil {
		return nil, fmt.Errorf("read the list of providers: %w", err)
	}
	for _, p := range list {
		if u, err := url.Parse(p.Endpoint); err != nil || u.Scheme != "https" || u.Host == "" || p.Name == "" || len(p.Schemes) == 0 {
			return nil, fmt.Errorf("the provider %q must have a name, an endpoint by https and schemes", p.Name)
		}
	}
	return list, nil
}

// matches reports whether a page is one of the provider's.
func (p *provider) matches(page *url.URL) bool {
	name := hostOf(page)
	address := strings.TrimPrefix(page.RequestURI(), "/")
	for _, s := range p.Schemes {
		host, path, _ := strings.Cut(s, "/")
		own, subdomains := strings.CutPrefix(host, "*.")
		if (name == own || subdomains && strings.HasSuffix(name, "."+own)) && glob(path, address) {
			return true
		}
	}
	return false
}

// owns reports whether a URL is on one of the provider's own hosts.
func (p *provider) owns(u *url.URL) bool {
	name := hostOf(u)
	return slices.ContainsFunc(p.Hosts, func(h string) bool { return name == h || strings.HasSuffix(name, "."+h) })
}

// hostOf returns the host of a URL in lower case, without www.
func hostOf(u *url.URL) string { return strings.TrimPrefix(strings.ToLower(u.Hostname()), "www.") }

// glob reports whether s matches a pattern in which * stands for anything. It goes back to the last * only, so its time is at most
// the product of the lengths.
func glob(pattern, s string) bool {
	star, from := -1, 0
	p, i := 0, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, from = p, i
			p++
		case p < len(pattern) && pattern[p] == s[i]:
			p++
			i++
		case star >= 0:
			from++
			p, i = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// request returns the URL that asks the provider for a page.
func (p *provider) request(page, token string) (string, error) {
	u, err := url.Parse(p.Endpoint)
	if err != nil {
		return "", err
	}
	q := u.Query()
	q.Set("url", page)
	q.Set("format", "json")
	q.Set("maxwidth", "800") // the width of the page's column on a large screen
	if hostOf(u) == meta {
		q.Set("access_token", token)
	}
	for key, value := range politely[hostOf(u)] {
		q.Set(key, value)
	}
	u.RawQuery = q.Encode()
	return u.String(), nil
}

// meta is the host of the providers that answer only with a token: Facebook and Instagram.
const meta = "graph.facebook.com"

// politely has what asks a provider not to follow the readers of its player.
var politely = map[string]map[string]string{
	"publish.x.com": {"dnt": "true"}, "publish.twitter.com": {"dnt": "true"}, "vimeo.com": {"dnt": "1"},
}
