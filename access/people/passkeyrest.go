package people

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/access"
	"github.com/motacilla-live/motacilla/internal/rest"
)

// optionsBody asks for what a browser needs to make or use a passkey.
type optionsBody struct {
	For    string `json:"for"`
	Secret string `json:"secret"` // for an invitation
	Login  string `json:"login"`
	Name   string `json:"name"`
}

// optionsAnswer is what it needs.
type optionsAnswer struct {
	ID        string         `json:"id"`
	PublicKey jsontext.Value `json:"publicKey"`
}

func (p *People) passkeyOptions(w http.ResponseWriter, r *http.Request, _ motacilla.ChannelID) error {
	if err := p.light.Allow(r); err != nil {
		return err
	}
	var body optionsBody
	if err := rest.ReadBody(w, r, &body); err != nil {
		return err
	}
	c, options, err := p.begin(r, &body)
	if err != nil {
		return err
	}
	id, err := p.ask(r.Context(), c)
	if err != nil {
		return err
	}
	return rest.Write(w, http.StatusOK, optionsAnswer{id, options})
}

// begin returns the challenge that body asks for, and the options for the browser.
func (p *People) begin(r *http.Request, body *optionsBody) (c *challenge, options jsontext.Value, err error) {
	rp, err := p.relyingParty(r)
	if err != nil {
		return nil, nil, err
	}
	c = &challenge{For: body.For}
	u := &user{}
	switch body.For {
	case forSignIn:
		options, session, err := assert(rp)
		if err != nil {
			return nil, nil, err
		}
		c.Session = *session
		return c, options, nil
	case forAccount:
		one, err := p.lately(r, "add passkey")
		if err != nil {
			return nil, nil, err
		}
		if len(one.Passkeys) >= mostPasskeys {
			return nil, nil, motacilla.Invalid("for", "the account has %d passkeys already", mostPasskeys)
		}
		c.Who, u = whoOf(one.login), userOf(one)
	case forInvitation:
		inv, err := p.invited(r.Context(), body.Secret)
		if err != nil {
			return nil, nil, err
		}
		if c.Login, c.Name, err = p.joins(r, inv, body.Login, body.Name); err != nil {
			return nil, nil, err
		}
		c.Invitation, c.Handle = inv.id, inv.Handle
		if c.Handle == nil {
			c.Handle = newHandle()
		}
		u.handle, u.login, u.name = c.Handle, c.Login, c.Name
	default:
		return nil, nil, motacilla.Invalid("for", "must be sign-in, account or invitation")
	}
	options, session, err := register(rp, u)
	if err != nil {
		return nil, nil, err
	}
	c.Session = *session
	return c, options, nil
}

// passkeyBody has what a browser has made of the options.
type passkeyBody struct {
	ID         string         `json:"id"`
	For        string         `json:"for"`
	Credential jsontext.Value `json:"credential"`
	Label      string         `json:"label"`
	Secret     string         `json:"secret"`
	Login      string         `json:"login"`
	Name       string         `json:"name"`
	Next       string         `json:"next"`
}

// nextAnswer says where the browser is to go.
type nextAnswer struct {
	Next string `json:"next"`
}

func (p *People) postPasskey(w http.ResponseWriter, r *http.Request, _ motacilla.ChannelID) error {
	if err := p.light.Allow(r); err != nil {
		return err
	}
	var body passkeyBody
	if err := rest.ReadBody(w, r, &body); err != nil {
		return err
	}
	if body.Label = strings.TrimSpace(body.Label); body.Label != "" {
		label, ok := parseName(body.Label)
		if !ok {
			return motacilla.Invalid("label", "must be at most %d characters", mostName)
		}
		body.Label = label
	}
	c, err := p.take(r.Context(), body.ID, body.For)
	if err != nil {
		return err
	}
	switch c.For {
	case forSignIn:
		return p.passkeySignIn(w, r, c, &body)
	case forAccount:
		return p.passkeyAdd(w, r, c, &body)
	}
	return p.passkeyInvitation(w, r, c, &body)
}

func (p *People) passkeySignIn(w http.ResponseWriter, r *http.Request, c *challenge, body *passkeyBody) error {
	rp, err := p.relyingParty(r)
	if err != nil {
		return err
	}
	one, err := p.byAssertion(r.Context(), rp, &c.Session, body.Credential)
	if errors.Is(err, motacilla.ErrUnauthorized) {
		p.refused(r, holderOf(one), "sign in", err)
		return err
	}
	if err != nil {
		return err
	}
	if err := p.signedIn(w, r, one, "with a passkey"); err != nil {
		return err
	}
	return rest.Write(w, http.StatusOK, nextAnswer{p.next(body.Next)})
}

// next returns where the browser goes after it has signed in.
func (p *People) next(path string) string {
	if pages := p.kit.Site().Pages; pages != nil {
		return pages.Local(path)
	}
	return p.kit.Site().Base + "/"
}

func (p *People) passkeyAdd(w http.ResponseWriter, r *http.Request, c *challenge, body *passkeyBody) error {
	_, one, err := p.person(r) // who has asked for the challenge had signed in lately
	if err != nil {
		return err
	}
	if whoOf(one.login) != c.Who {
		return fmt.Errorf("%w: the challenge is another account's", motacilla.ErrForbidden)
	}
	rp, err := p.relyingParty(r)
	if err != nil {
		return err
	}
	made, err := p.registered(rp, userOf(one), &c.Session, body.Credential, body.Label)
	if err != nil {
		return err
	}
	changed, err := p.change(r.Context(), one.login, func(now *person) error {
		if now.passkey(made.ID) >= 0 || len(now.Passkeys) >= mostPasskeys || now.Disabled {
			return motacilla.Invalid("credential", "is there already, or there are %d", mostPasskeys)
		}
		now.Passkeys = append(now.Passkeys, made)
		return nil
	})
	if err != nil {
		return err
	}
	p.note(r, changed.holder(), "passkey added", body.Label)
	return rest.Write(w, http.StatusCreated, made.public())
}

func (p *People) passkeyInvitation(w http.ResponseWriter, r *http.Request, c *challenge, body *passkeyBody) error {
	inv, err := p.invited(r.Context(), body.Secret)
	if err != nil {
		return err
	}
	if inv.id != c.Invitation {
		return errGone
	}
	rp, err := p.relyingParty(r)
	if err != nil {
		return err
	}
	made, err := p.registered(rp, &user{handle: c.Handle, login: c.Login, name: c.Name}, &c.Session, body.Credential, body.Label)
	if err != nil {
		return err
	}
	one, err := p.accept(r.Context(), inv, c.Login, c.Name, func(one *person) {
		one.Handle, one.Passkeys = c.Handle, []passkey{made}
	})
	if err != nil {
		return err
	}
	f := access.InvitationForm{Reset: inv.Kind == resetting, Invites: inv.ByName}
	if err := p.joined(w, r, one, f); err != nil {
		return err
	}
	return rest.Write(w, http.StatusOK, nextAnswer{p.kit.Site().Base + "/account"})
}

func (p *People) deletePasskey(w http.ResponseWriter, r *http.Request, _ motacilla.ChannelID) error {
	one, err := p.lately(r, "remove passkey")
	if err != nil {
		return err
	}
	id := r.PathValue("passkey")
	var gone passkey
	changed, err := p.change(r.Context(), one.login, func(now *person) error {
		for i, k := range now.Passkeys {
			if encodeID(k.ID) != id {
				continue
			}
			if len(now.Passkeys) == 1 && now.Password == "" {
				return fmt.Errorf("%w: nothing else is left to sign in with; set a password first", motacilla.ErrConflict)
			}
			gone = k
			now.Passkeys = append(now.Passkeys[:i:i], now.Passkeys[i+1:]...)
			return nil
		}
		return fmt.Errorf("passkey: %w", motacilla.ErrNotFound)
	})
	if err != nil {
		return err
	}
	p.note(r, changed.holder(), "passkey removed", gone.Label)
	w.WriteHeader(http.StatusNoContent)
	return nil
}
