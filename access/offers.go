package access

import (
	"net/http"
	"net/url"
)

// The words that say why signing in at another server failed, as SignInForm.Failed has them.
const (
	SignInFailed  = "signin_failed"  // what the other server says is not right; the log says why
	SignInDenied  = "signin_denied"  // whoever has signed in there has no role here
	SignInAway    = "signin_away"    // the other server does not answer
	SignInAgain   = "signin_again"   // it took too long, or it began in another browser
	SignInRefused = "signin_refused" // the other server did not sign the person in, or the person did not want it
)

// Offers returns the servers by which people sign in. Their URLs are paths, which lead to next after that.
func (k *Kit) Offers(next string) []SignInAt {
	var list []SignInAt
	for _, o := range k.offers {
		at := o.Offer()
		at.URL = k.site.Base + at.URL
		if next != "" {
			at.URL += "?next=" + url.QueryEscape(next)
		}
		list = append(list, at)
	}
	return list
}

// Entrance reports whether o has to serve /sign-in: no authenticator has accounts of its own, and o is the first that offers
// a server. It can be told when [New] has returned.
func (k *Kit) Entrance(o Offers) bool {
	return len(k.accounts) == 0 && len(k.offers) > 0 && k.offers[0] == o
}

// Welcomes is an [Accounts] that says what the form "signin" has for its own accounts. Others need not be set.
type Welcomes interface {
	Accounts
	SignInForm(r *http.Request, next string) SignInForm
}

// SignInForm returns the data of the form "signin" for a site of these authenticators.
func (k *Kit) SignInForm(r *http.Request, next string) SignInForm {
	form := SignInForm{Next: next, Passwords: len(k.accounts) > 0}
	for _, one := range k.accounts {
		if w, ok := one.(Welcomes); ok {
			form = w.SignInForm(r, next)
		}
	}
	form.Others = k.Offers(next)
	return form
}

// Leaver is an [Offers] whose server people can leave from here.
type Leaver interface {
	Offers
	// Leave answers with a page that leads to where the server ends what the account has begun there. It returns false, and has
	// written nothing, if the account is of another kind, or if the server has no such place. hint is what [Kit.SignOut] returned.
	Leave(w http.ResponseWriter, r *http.Request, who, hint string) bool
}

// Leave signs an account out at the server that it is of. It is called after [Kit.SignOut]. If it returns false, there is no such
// server, and nothing was written.
func (k *Kit) Leave(w http.ResponseWriter, r *http.Request, who, hint string) bool {
	for _, o := range k.offers {
		if l, ok := o.(Leaver); ok && l.Leave(w, r, who, hint) {
			return true
		}
	}
	return false
}
