package oidc

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/motacilla-live/motacilla/access"
)

// everybody stands for all who can sign in.
const everybody = "*"

// roles say what the members of groups may do.
type roles []struct {
	group string
	right access.Right
}

// parseRoles parses lines such as "sports=editor:match-*". A group may have an equals sign in its name.
func parseRoles(lines []string) (roles, error) {
	var rs roles
	var all access.Rights
	for _, line := range lines {
		at := strings.LastIndexByte(line, '=')
		if at <= 0 {
			return nil, fmt.Errorf("roles: %q must be GROUP=ROLE or GROUP=ROLE:CHANNELS", line)
		}
		rights, err := access.ParseRights([]string{line[at+1:]})
		if err != nil {
			return nil, fmt.Errorf("roles: %q: %w", line, err)
		}
		rs = append(rs, roles{{line[:at], rights[0]}}...)
		all = append(all, rights[0])
	}
	if len(rs) == 0 {
		return nil, errors.New("roles: must have a line, or nobody could do anything here; *=reader makes everybody who can sign in a reader")
	}
	if err := all.Validate(); err != nil {
		return nil, fmt.Errorf("roles: %w", err)
	}
	return rs, nil
}

// byGroup reports whether some role depends on a group.
func (rs roles) byGroup() bool {
	for _, r := range rs {
		if r.group != everybody {
			return true
		}
	}
	return false
}

// of returns what a member of groups may do.
func (rs roles) of(groups []string) access.Rights {
	var rights access.Rights
	for _, r := range rs {
		if r.group != everybody && !slices.Contains(groups, r.group) {
			continue
		}
		if !slices.ContainsFunc(rights, func(has access.Right) bool { return has.String() == r.right.String() }) {
			rights = append(rights, r.right)
		}
	}
	return rights
}
