package page

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/html"
)

// formSample is the data of all pages for accounts. Its fields are those of package access, which this package does not import; a
// test renders the types themselves.
type formSample struct {
	Next, Login, Name, Failed, Field, Secret, Invites, Current, Desk string

	Wait                                                                   int
	Passwords, First, Reset, Password, Saved, Recent, ByPasskey, Elsewhere bool
	Others                                                                 []struct{ Name, URL string }
	Rights                                                                 []rightSample
	Passkeys                                                               []passkeySample
	Sessions                                                               []sessionSample
}

type rightSample struct {
	Role     string
	Channels []string
}

type passkeySample struct{ ID, Label, Created, Used string }

type sessionSample struct {
	ID, Name, Address, Agent string
	Created, Expires         time.Time
}

// forms returns samples of the pages for accounts.
func forms(l *Language, of func(kind string) view) []sample {
	with := func(kind string, s formSample) formView { return formView{of(kind), s, passkeyWords(l)} }
	const at = "2026-05-01T12:00:00Z"
	full := formSample{
		Next: "/", Login: "ada", Name: "Ada", Secret: "secret", Invites: "Grace", Current: "one", Desk: "/compose", Passwords: true,
		Password: true, ByPasskey: true, Recent: true,
		Others:   []struct{ Name, URL string }{{"Example", "/sign-in/example"}},
		Rights:   []rightSample{{"reader", nil}, {"contributor", []string{"a", "b-*"}}, {"editor", nil}, {"admin", nil}},
		Passkeys: []passkeySample{{"one", "Phone", at, at}, {"two", "", at, ""}},
		Sessions: []sessionSample{{ID: "one", Agent: "Firefox/1"}, {ID: "two", Address: "192.0.2.1"}},
	}
	wrong := full
	wrong.Failed, wrong.Field, wrong.Wait, wrong.Saved = "password_short", "password", 30, true
	stale := full
	stale.Recent = false
	first := formSample{First: true, Secret: "secret", Passwords: true}
	reset := formSample{Reset: true, Secret: "secret", Login: "ada", ByPasskey: true}
	gone := formSample{Failed: "invitation_gone"}
	signIn := needForm("/sign-in", "login", "password", "next")
	invitation := needForm("/invitation/secret", "login", "name", "password")
	return []sample{
		{"signin.html", with("sign-in", full), signIn}, {"signin.html", with("sign-in", wrong), signIn},
		{"signin.html", with("sign-in", formSample{Others: full.Others}), nil},
		{"invitation.html", with("invitation", full), invitation}, {"invitation.html", with("invitation", wrong), invitation},
		{"invitation.html", with("invitation", first), invitation}, {"invitation.html", with("invitation", gone), nil},
		{"invitation.html", with("invitation", reset), needForm("/invitation/secret", "password")},
		{"account.html", with("account", full), needForm("/account", "name")},
		{"account.html", with("account", wrong), needForm("/account", "old", "password")},
		{"account.html", with("account", formSample{}), needForm("/sign-out")},
		{"account.html", with("account", stale), needForm("/account", "old", "password")},
		{"account.html", with("account", formSample{Elsewhere: true}), needForm("/sign-out")},
	}
}

// needForm returns a check that there is a form for a path, with inputs of these names.
func needForm(action string, names ...string) func(*html.Node) error {
	return func(root *html.Node) error {
		input := func(form *html.Node, name string) bool {
			return find(form, func(n *html.Node) bool { return n.Data == "input" && attribute(n, "name") == name }) != nil
		}
		var missing []string
		for n := range root.Descendants() {
			if n.Data != "form" || attribute(n, "action") != action || !strings.EqualFold(attribute(n, "method"), "post") {
				continue
			}
			lacks := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return input(n, name) })
			if len(lacks) == 0 {
				return nil
			}
			if missing == nil || len(lacks) < len(missing) {
				missing = lacks
			}
		}
		if missing == nil {
			return fmt.Errorf(`must have <form method="post" action="%s">`, action)
		}
		return fmt.Errorf("the form must have an input with the name %s", missing[0])
	}
}
