package page

import "net/http"

// formView is the data of the templates for accounts: signin.html, invitation.html and account.html.
type formView struct {
	view

	Form     any               // what the page is about, as package access has it
	Passkeys map[string]string // words for the script
}

// kinds are the kinds of the pages for accounts, by the names of their templates.
var kinds = map[string]string{"signin": "sign-in", "invitation": "invitation", "account": "account"}

// Form answers with the page of that name: signin, invitation or account. Its template gets data as .Form. No cache keeps the
// answer, no page can show it in a frame, and its address, which may be secret, is told to no other site.
func (p *Page) Form(w http.ResponseWriter, r *http.Request, status int, name string, data any) {
	e, err := p.o.Look.edition()
	if err != nil {
		showBroken(w, err)
		return
	}
	l := e.spoken.site
	v := formView{p.view(e, l, kinds[name], l.Words[name+"_title"]), data, passkeyWords(l)}
	a := answer{at: p.place(), template: name + ".html", data: v, status: status, cache: "no-store", form: true}
	if err := e.write(w, r, a); err != nil {
		p.o.Failed(r, err)
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
	}
}

// Titled returns the page with another title.
func (v formView) Titled(key string) (formView, error) {
	var err error
	v.Title, err = v.Word(key)
	return v, err
}

// Local returns next if it is a path of this site, and the site's home otherwise.
func (p *Page) Local(next string) string { return p.local(next) }

// passkeyKeys are the words that the script for passkeys says (client/passkey.ts).
var passkeyKeys = []string{
	"passkey_cancelled", "passkey_unknown", "passkey_exists", "passkey_address", "passkey_unsupported", "passkey_offline", "passkey_failed",
	"passkey_last", "passkey_sure", "passkey_removed", "login_taken", "login_invalid", "name_invalid", "invitation_gone", "signin_wait",
	"signed_out",
}

func passkeyWords(l *Language) map[string]string {
	words := map[string]string{}
	for _, key := range passkeyKeys {
		words[key] = l.Words[key]
	}
	return words
}
