package access

// The words that say what was wrong, as the forms' Failed has them.
const (
	SignInWrong       = "signin_wrong"       // the login or the password; it is not told which
	SignInWait        = "signin_wait"        // too many tries; Wait says for how long
	SignInBusy        = "signin_busy"        // too many sign in at the moment
	InvitationGone    = "invitation_gone"    // it was used, was revoked or has expired: there is nothing to fill in
	LoginInvalid      = "login_invalid"      // it must be 1 to 100 lower-case letters, digits and . _ - @
	LoginTaken        = "login_taken"        // somebody has it
	NameInvalid       = "name_invalid"       // it must be 1 to 100 characters
	PasswordShort     = "password_short"     // fewer than 10 characters
	PasswordLong      = "password_long"      // more than 200 characters
	PasswordCommon    = "password_common"    // it is easy to guess
	PasswordOwn       = "password_own"       // it is made of the login, the name or the site's name
	SignInFirst       = "signin_first"       // it is too long ago that this browser has signed in
	PasswordIncorrect = "password_incorrect" // the old one, for a new one
)

// SignInForm is the data of the form "signin".
type SignInForm struct {
	Next      string     // where to go then: a path of this site
	Login     string     // what was typed
	Failed    string     // the key of a word that says what was wrong, such as "signin_wrong"; empty: nothing was
	Wait      int        // seconds until the next try, if there were too many
	Passwords bool       // people sign in with passwords and passkeys
	ByPasskey bool       // passkeys can be used at this address: it is a domain with https, or localhost
	Others    []SignInAt // servers by which people sign in
}

// SignInAt is a server by which people sign in.
type SignInAt struct {
	Name string // as people call it
	URL  string // the path that leads there
}

// InvitationForm is the data of the form "invitation".
type InvitationForm struct {
	Secret  string
	First   bool   // it is for the first account
	Reset   bool   // it is for the account Login, which exists: its password and passkeys are replaced, and nothing else is asked for
	Invites string // who invites; empty if it is not known
	Rights  Rights
	Login   string
	Name    string
	Failed  string // the key of a word that says what was wrong
	Field   string // the field that was: login, name or password
	Wait    int    // seconds until the next try, if there were too many

	ByPasskey bool // as in SignInForm
}

// AccountForm is the data of the form "account".
type AccountForm struct {
	Elsewhere bool // the account is kept by another server: its name and how it signs in can't be changed here
	Login     string
	Name      string
	Rights    Rights
	Password  bool // it has one
	Passkeys  []Passkey
	Sessions  []Session
	Current   string // the ID of this session
	Failed    string // the key of a word that says what was wrong
	Field     string // the field that was: name, old or password
	Wait      int
	Saved     bool
	Desk      string // the path of the page on which this person writes; empty if there is none
	Recent    bool   // who it is was shown a short while ago; otherwise passkeys, and a first password, need another sign-in

	ByPasskey bool // as in SignInForm
}

// Passkey is a key by which somebody signs in.
type Passkey struct {
	ID      string `json:"id"`
	Label   string `json:"label"`
	Created string `json:"created"` // RFC 3339
	Used    string `json:"used,omitempty"`
}
