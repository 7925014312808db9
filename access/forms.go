package access

// SignInForm is the data of the form "signin".
type SignInForm struct {
	Next      string     // where to go then: a path of this site
	Login     string     // what was typed
	Failed    string     // the key of a word that says what was wrong, such as "signin_wrong"; empty: nothing was
	Wait      int        // seconds until the next try, if there were too many
	Passwords bool       // people sign in with passwords and passkeys
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
	Invites string // who invites; empty if it is not known
	Rights  Rights
	Login   string
	Name    string
	Failed  string // the key of a word that says what was wrong
	Field   string // the field that was: login, name or password
}

// AccountForm is the data of the form "account".
type AccountForm struct {
	Login    string
	Name     string
	Rights   Rights
	Password bool // it has one
	Passkeys []Passkey
	Sessions []Session
	Current  string // the ID of this session
	Failed   string // the key of a word that says what was wrong
	Field    string
	Saved    bool
}

// Passkey is a key by which somebody signs in.
type Passkey struct {
	ID      string `json:"id"`
	Label   string `json:"label"`
	Created string `json:"created"` // RFC 3339
	Used    string `json:"used,omitempty"`
}
