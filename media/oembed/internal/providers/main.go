// Command providers makes the list of oEmbed providers that package oembed has in the binary. It reads the public list,
// https://oembed.com/providers.json, from standard input, and writes the trimmed list to standard output:
//
//	curl -s https://oembed.com/providers.json | go run ./media/oembed/internal/providers >media/oembed/providers.json
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strings"
)

// listed is a provider of the public list.
type listed struct {
	Name      string `json:"provider_name"`
	Endpoints []struct {
		Schemes []string `json:"schemes"`
		URL     string   `json:"url"`
		Formats []string `json:"formats"`
	} `json:"endpoints"`
}

// kept is a provider of our list. The fields are those of package oembed.
type kept struct {
	Name     string   `json:"name"`
	Endpoint string   `json:"endpoint"`
	Schemes  []string `json:"schemes"`
	Hosts    []string `json:"hosts"`
	Player   bool     `json:"player,omitempty"`
}

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) error {
	var list []listed
	if err := json.NewDecoder(in).Decode(&list); err != nil {
		return fmt.Errorf("read the public list: %w", err)
	}
	var all []kept
	for _, p := range list {
		for _, e := range p.Endpoints {
			k := kept{Name: strings.TrimSpace(p.Name), Player: slices.Contains(players, strings.TrimSpace(p.Name))}
			if len(e.Formats) > 0 && !slices.Contains(e.Formats, "json") || strings.HasSuffix(e.URL, ".xml") {
				continue
			}
			k.Endpoint = endpoint(e.URL)
			for _, s := range append(e.Schemes, extraSchemes[k.Name]...) {
				if s, host, ok := scheme(s); ok && !slices.Contains(k.Schemes, s) {
					k.Schemes = append(k.Schemes, s)
					if !slices.Contains(k.Hosts, host) {
						k.Hosts = append(k.Hosts, host)
					}
				}
			}
			if k.Endpoint == "" || len(k.Schemes) == 0 {
				continue
			}
			k.Hosts = append(k.Hosts, extraHosts[k.Name]...)
			all = append(all, k)
		}
	}
	slices.SortStableFunc(all, func(a, b kept) int { return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
	var buf bytes.Buffer
	buf.WriteString("[")
	for i, k := range all { // a line for each, so that a change is easy to read
		var line bytes.Buffer
		enc := json.NewEncoder(&line)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(k); err != nil {
			return err
		}
		if i > 0 {
			buf.WriteString(",")
		}
		buf.WriteString("\n")
		buf.Write(bytes.TrimSpace(line.Bytes()))
	}
	buf.WriteString("\n]\n")
	_, err := out.Write(buf.Bytes())
	return err
}

// endpoint returns the URL to which a provider's requests go, always by https.
func endpoint(s string) string {
	u, err := url.Parse(strings.ReplaceAll(s, "{format}", "json"))
	if err != nil || u.Host == "" {
		return ""
	}
	u.Scheme = "https"
	return u.String()
}

// scheme returns a URL scheme of the list as HOST/PATH, and its host without wildcards and www.
func scheme(s string) (pattern, host string, ok bool) {
	_, rest, ok := strings.Cut(strings.TrimSpace(s), "://")
	if !ok {
		return "", "", false // such as spotify:*
	}
	host, path, ok := strings.Cut(rest, "/")
	if !ok {
		host, path = rest, "*"
	}
	host = strings.ToLower(host)
	subdomains := strings.HasPrefix(host, "*.")
	for strings.HasPrefix(host, "*.") {
		host = host[2:]
	}
	host = strings.TrimPrefix(host, "www.")
	if strings.ContainsAny(host, "*:@") || !strings.Contains(host, ".") {
		return "", "", false // too wide
	}
	path, _, _ = strings.Cut(path, "#") // a fragment is not part of what is matched
	if subdomains {
		return "*." + host + "/" + path, host, true
	}
	return host + "/" + path, host, true
}
