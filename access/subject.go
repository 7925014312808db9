package access

import (
	"context"
	"time"

	"github.com/motacilla-live/motacilla/route"
)

// Subject is somebody who has shown who it is.
type Subject struct {
	Holder  *route.Holder
	Rights  Rights
	Expires time.Time // zero: never
	Began   time.Time // when somebody signed in; zero: the credential is not a session
}

// Credential is a secret by which a request shows who sends it.
type Credential struct {
	Secret string
	Cookie string // the name of the cookie that has it; empty: the Authorization header
}

// Authenticator knows credentials of one kind. Its methods may be called from many goroutines at once.
type Authenticator interface {
	// Authenticate returns whom a credential is of; nil if it is of another kind. ErrUnauthorized: it is of this kind and wrong,
	// or it has expired. ErrUnavailable: it can't be told now. The subject is used for a minute, for all requests that have the
	// same credential. If it must be able to end before, its Holder is made by [Kit.Holder].
	Authenticate(ctx context.Context, c Credential) (*Subject, error)
}

// Sited is an [Authenticator] with routes of its own, such as a page for signing in. Nothing checks who may call them.
type Sited interface {
	Authenticator
	URLs() []route.Route
}

// Cookied is an [Authenticator] whose credentials come in cookies.
type Cookied interface {
	Authenticator
	Cookies() []string // their names
}

// Accounts is an [Authenticator] whose accounts sign in with [Kit.SignIn].
type Accounts interface {
	Authenticator
	// Account returns the account of a session; nil if it is of another kind. ErrNotFound: there is none any more, or it is
	// disabled. The rights are those that it has now.
	Account(ctx context.Context, who string) (*Account, error)
}

// Offers is an [Authenticator] by which people sign in at another server.
type Offers interface {
	Authenticator
	Offer() SignInAt // URL is the path below the site's base, such as /sign-in/oidc
}

// Account is who signs in.
type Account struct {
	Who    string // "person/anna": it never changes
	Name   string // what people call it
	Rights Rights

	// If another server has signed it in: what that server calls the session, and what it wants to be shown when somebody signs out
	// there. Both may be empty.
	There string
	Hint  string
}

// Announcer is an [Authenticator] that has something to tell whoever runs the server, as soon as the site can be reached. base is the
// URL of the site from this machine, or PublicURL.
type Announcer interface {
	Authenticator
	Announce(ctx context.Context, base string) error
}

// Starter is an [Authenticator] that begins when the site starts, such as one that makes the first account.
type Starter interface {
	Authenticator
	Start(ctx context.Context) error
}
