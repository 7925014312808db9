package oidc

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/motacilla-live/motacilla/internal/short"
)

// claims are what the server says about a person.
type claims map[string]any

// at returns a claim; nil if there is none. Dots in its name lead into objects, unless a claim has the whole name.
func (c claims) at(path string) any {
	if v, ok := c[path]; ok {
		return v
	}
	for i := len(path) - 1; i > 0; i-- {
		if path[i] != '.' {
			continue
		}
		if inner, ok := c[path[:i]].(map[string]any); ok {
			if v := claims(inner).at(path[i+1:]); v != nil {
				return v
			}
		}
	}
	return nil
}

// text returns a claim that is a text.
func (c claims) text(path string) string {
	s, _ := c.at(path).(string)
	return strings.TrimSpace(s)
}

// groups returns a claim that is a list of texts, one text, or an object whose names are the groups. nil: there is no such claim. An
// address of e-mail is a group only if the server has verified it: otherwise everybody could claim to have it.
func (c claims) groups(path string) []string {
	if path == "email" && c["email_verified"] != true && c["email_verified"] != "true" {
		return nil
	}
	switch v := c.at(path).(type) {
	case string:
		return []string{v}
	case []any:
		list := []string{}
		for _, one := range v {
			if s, ok := one.(string); ok {
				list = append(list, s)
			}
		}
		return list
	case map[string]any:
		return append([]string{}, slices.Sorted(maps.Keys(v))...)
	}
	return nil
}

// leftOut reports whether the server says that it has the claim elsewhere, because it is too long for a token.
func (c claims) leftOut(path string) bool {
	names, _ := c["_claim_names"].(map[string]any)
	_, out := names[path]
	return out
}

const mostName = 100 // bytes

// read returns who somebody is. The first source that says something counts.
func (o *OIDC) read(subject string, sources []claims) *identity {
	is := &identity{subject: subject, session: sources[0].text("sid")}
	for _, path := range []string{o.o.NameClaim, "preferred_username", "email"} {
		for _, c := range sources {
			if is.name == "" {
				is.name = short.Cut(strings.ToValidUTF8(c.text(path), ""), mostName)
			}
		}
	}
	if is.name == "" {
		is.name = short.Cut(subject, mostName)
	}
	for _, c := range sources {
		if is.groups == nil {
			is.groups = c.groups(o.o.GroupsClaim)
		}
		is.tooMany = is.tooMany || c.leftOut(o.o.GroupsClaim)
	}
	return is
}

// quoted returns a list for people.
func quoted(list []string) string {
	if len(list) == 0 {
		return "it is in none"
	}
	all := make([]string, len(list))
	for i, s := range list {
		all[i] = strconv.Quote(s)
	}
	return strings.Join(all, ", ")
}
