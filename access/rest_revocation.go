package access

import (
	"net/http"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/rest"
)

// revocationJSON is a revocation of signed tokens.
type revocationJSON struct {
	JTI     string  `json:"jti,omitempty"`
	Who     string  `json:"who,omitempty"`
	Before  *string `json:"before,omitempty"`
	Created *string `json:"created"`
	Expires *string `json:"expires"`
	By      string  `json:"by"`
}

func encodeRevocation(r Revocation) revocationJSON {
	return revocationJSON{r.JTI, r.Who, stamp(r.Before), stamp(r.Created), stamp(r.Expires), r.By}
}

func (a *Access) listRevocations(w http.ResponseWriter, r *http.Request, _ motacilla.ChannelID) error {
	all, err := a.kit.Revocations(r.Context())
	if err != nil {
		return err
	}
	list := []revocationJSON{}
	for _, one := range all {
		list = append(list, encodeRevocation(one))
	}
	return rest.Write(w, http.StatusOK, map[string][]revocationJSON{"revocations": list})
}

// revocationBody is a revocation that is to be made.
type revocationBody struct {
	JTI     string             `json:"jti"`
	Who     string             `json:"who"`
	Before  rest.Maybe[string] `json:"before"`
	Expires rest.Maybe[string] `json:"expires"`
}

func (a *Access) revokeSigned(w http.ResponseWriter, r *http.Request, _ motacilla.ChannelID) error {
	s, err := a.sender(r)
	if err != nil {
		return err
	}
	var in revocationBody
	if err := rest.ReadBody(w, r, &in); err != nil {
		return err
	}
	one := Revocation{JTI: in.JTI, Who: in.Who, By: s.Holder.Who}
	if one.Before, err = timeOf("before", in.Before); err != nil {
		return err
	}
	if one.Expires, err = timeOf("expires", in.Expires); err != nil {
		return err
	}
	if one, err = a.kit.RevokeSigned(r.Context(), one); err != nil {
		return err
	}
	what := "the signed token " + one.JTI
	if one.Who != "" {
		what = "the signed tokens of " + one.Who + " from before " + motacilla.FormatTime(one.Before)
	}
	a.audit.changed(r, s, "manage", "revoked "+what)
	return rest.Write(w, http.StatusCreated, encodeRevocation(one))
}

// timeOf returns the time of a field; zero if it is left out.
func timeOf(name string, field rest.Maybe[string]) (time.Time, error) {
	if !field.Set {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339, field.Value)
	if err != nil || at.Year() < 1970 {
		return time.Time{}, motacilla.Invalid(name, "must be a time such as 2027-01-31T12:00:00Z")
	}
	return at.UTC().Truncate(time.Microsecond), nil
}
