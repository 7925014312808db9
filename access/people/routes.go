package people

import (
	_ "embed" // for the descriptions
	"net/http"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/rest"
	"github.com/motacilla-live/motacilla/route"
)

// The descriptions of the routes of the REST interface, see [route.Route].
var (
	//go:embed openapi-passkey-options.json
	optionsOpenAPI []byte
	//go:embed openapi-passkeys.json
	passkeysOpenAPI []byte
	//go:embed openapi-passkey.json
	passkeyOpenAPI []byte
	//go:embed openapi-people.json
	peopleOpenAPI []byte
	//go:embed openapi-person.json
	personOpenAPI []byte
	//go:embed openapi-reset.json
	resetOpenAPI []byte
	//go:embed openapi-invitations.json
	invitationsOpenAPI []byte
	//go:embed openapi-invitation.json
	invitationOpenAPI []byte
)

type restServe = func(w http.ResponseWriter, r *http.Request, _ motacilla.ChannelID) error

// URLs returns the pages sign-in, sign-out, invitation and account, and the routes of the REST interface, whose names begin with
// api-access.
func (p *People) URLs() []route.Route {
	const api = "/api/access"
	serve := p.kit.API().Handler
	method := func(name string, action route.Action, do restServe) rest.Method {
		return rest.Method{Name: name, Action: action, Serve: do}
	}
	return []route.Route{
		{Name: "sign-in", Pattern: "/sign-in", Handler: p.form(p.getSignIn, p.postSignIn)},
		{Name: "sign-out", Pattern: "/sign-out", Handler: p.form(nil, p.postSignOut)},
		{Name: "invitation", Pattern: "/invitation/{" + route.Secret + "}", Handler: p.form(p.getInvitation, p.postInvitation)},
		{Name: "account", Pattern: "/account", Handler: p.form(p.getAccount, p.postAccount)},

		// Whoever signs in has shown nothing yet, and everybody may change the own account: these ask no hook.
		{Name: "api-access-passkey-options", Pattern: api + "/passkeys/options", OpenAPI: optionsOpenAPI,
			Handler: serve(method(http.MethodPost, "", p.passkeyOptions))},
		{Name: "api-access-passkeys", Pattern: api + "/passkeys", OpenAPI: passkeysOpenAPI,
			Handler: serve(method(http.MethodPost, "", p.postPasskey))},
		{Name: "api-access-passkey", Pattern: api + "/passkeys/{passkey}", OpenAPI: passkeyOpenAPI,
			Handler: serve(method(http.MethodDelete, "", p.deletePasskey))},

		{Name: "api-access-people", Pattern: api + "/people", OpenAPI: peopleOpenAPI,
			Handler: serve(method(http.MethodGet, manage, p.listPeople))},
		{Name: "api-access-person", Pattern: api + "/people/{person}", OpenAPI: personOpenAPI, Handler: serve(
			method(http.MethodGet, manage, p.getPerson),
			method(http.MethodPatch, manage, p.patchPerson),
			method(http.MethodDelete, manage, p.deletePerson))},
		{Name: "api-access-reset", Pattern: api + "/people/{person}/reset", OpenAPI: resetOpenAPI,
			Handler: serve(method(http.MethodPost, manage, p.postReset))},
		{Name: "api-access-invitations", Pattern: api + "/invitations", OpenAPI: invitationsOpenAPI, Handler: serve(
			method(http.MethodGet, manage, p.listInvitations),
			method(http.MethodPost, manage, p.postInvitations))},
		{Name: "api-access-invitation", Pattern: api + "/invitations/{invitation}", OpenAPI: invitationOpenAPI,
			Handler: serve(method(http.MethodDelete, manage, p.deleteInvitation))},
	}
}
