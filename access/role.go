package access

import (
	"slices"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/route"
)

// Role is what somebody may do. Each role may do what the roles before it may.
type Role string

// The roles.
const (
	Reader      Role = "reader"      // reads private channels
	Contributor Role = "contributor" // proposes posts, and uploads images
	Editor      Role = "editor"      // makes and changes channels and posts
	Admin       Role = "admin"       // deletes channels, and says who may do what
)

// roles are in the order of what they may do. The action of each is the last one that it may do.
var roles = []struct {
	role   Role
	action route.Action
}{
	{Reader, route.Read}, {Contributor, route.Draft}, {Editor, route.Write}, {Admin, route.Manage},
}

// level returns the place of a role in the order; 0 if there is no such role.
func (r Role) level() int {
	for i, known := range roles {
		if known.role == r {
			return i + 1
		}
	}
	return 0
}

// Allows reports whether the role may do action. An action that is not known is nobody's.
func (r Role) Allows(action route.Action) bool {
	at := slices.IndexFunc(roles, func(known struct {
		role   Role
		action route.Action
	}) bool {
		return known.action == action
	})
	return at >= 0 && r.level() > at
}

// ParseRole returns the role of that name, or an ErrInvalid.
func ParseRole(s string) (Role, error) {
	if Role(s).level() == 0 {
		return "", motacilla.Invalid("role", "must be reader, contributor, editor or admin")
	}
	return Role(s), nil
}
