package jwt

import (
	"fmt"
	"slices"
	"strings"

	"github.com/motacilla-live/motacilla/access"
)

// claim returns the claim of a path such as realm_access.roles. A name may have dots itself, such as https://example.org/role. A
// claim that is null counts as none.
func claim(claims map[string]any, path string) any {
	if v := claims[path]; v != nil {
		return v
	}
	for i, c := range path {
		if c != '.' {
			continue
		}
		if inner, ok := claims[path[:i]].(map[string]any); ok {
			if v := claim(inner, path[i+1:]); v != nil {
				return v
			}
		}
	}
	return nil
}

// scope are the channels of a role: all, unless it is limited.
type scope struct {
	limited  bool
	channels []string
}

// limit returns a scope with no other channels than these. The channel * is all channels.
func limit(channels []string) scope {
	if slices.Contains(channels, "*") {
		return scope{}
	}
	return scope{true, channels}
}

// assigned is a role that a token names. Without a scope it has the token's.
type assigned struct {
	role string
	on   *scope
}

// rights returns what a token's claims permit. Roles that are not known are those of other programs. A claim of another form than it
// must have is an error, so that a slip does not permit more than was meant.
func (o *Options) rights(claims map[string]any) (access.Rights, error) {
	general, err := o.scope(claims)
	if err != nil {
		return nil, err
	}
	list, err := o.roles(claims)
	if err != nil {
		return nil, err
	}
	var rs access.Rights
	add := func(role access.Role, on scope) {
		if !on.limited || len(on.channels) > 0 { // a right without channels would be one on all
			rs = append(rs, access.Right{Role: role, Channels: on.channels})
		}
	}
	named := false
	for _, one := range list {
		role, err := access.ParseRole(one.role)
		if err != nil {
			continue
		}
		named = true
		on := general
		if one.on != nil {
			on = *one.on
		}
		add(role, on)
	}
	if !named && o.DefaultRole != "" {
		add(access.Role(o.DefaultRole), general)
	}
	return rs, rs.Validate()
}

// scope returns the channels of roles for which the token names none of their own.
func (o *Options) scope(claims map[string]any) (scope, error) {
	if o.ChannelsClaim == "" {
		return scope{}, nil
	}
	v := claim(claims, o.ChannelsClaim)
	if v == nil {
		return limit(nil), nil
	}
	list, err := texts(o.ChannelsClaim, v)
	return limit(list), err
}

// roles returns the roles of a token: of a text or a pair, or of a list of them.
func (o *Options) roles(claims map[string]any) (all []assigned, err error) {
	value := claim(claims, o.RoleClaim)
	list, is := value.([]any)
	if !is && value != nil {
		list = []any{value}
	}
	for _, v := range list {
		switch v := v.(type) {
		case string:
			for role := range strings.FieldsSeq(v) {
				all = append(all, assigned{role: role})
			}
		case map[string]any:
			one, err := pair(o.RoleClaim, v)
			if err != nil {
				return nil, err
			}
			all = append(all, one)
		default:
			return nil, wrongForm(o.RoleClaim)
		}
	}
	return all, nil
}

// pair returns a role with its channels: {"role": "editor", "channels": ["match-*"]}.
func pair(path string, v map[string]any) (assigned, error) {
	role, is := v["role"].(string)
	value, own := v["channels"]
	if !is || len(v) > 2 || len(v) == 2 && !own {
		return assigned{}, wrongForm(path)
	}
	if !own {
		return assigned{role: role}, nil
	}
	list, err := texts(path, value)
	on := limit(list)
	return assigned{role, &on}, err
}

// texts returns the texts of a list, or those of a text with spaces between them.
func texts(path string, v any) ([]string, error) {
	switch v := v.(type) {
	case string:
		return strings.Fields(v), nil
	case []any:
		list := make([]string, 0, len(v))
		for _, one := range v {
			s, is := one.(string)
			if !is {
				return nil, wrongForm(path)
			}
			list = append(list, s)
		}
		return list, nil
	}
	return nil, wrongForm(path)
}

func wrongForm(path string) error { return fmt.Errorf("its claim %.100q has a wrong form", path) }
