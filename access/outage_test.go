package access_test

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/access"
	"github.com/motacilla-live/motacilla/route"
)

// away is an authenticator whose server can't be reached.
type away struct{}

func (away) Authenticate(context.Context, access.Credential) (*access.Subject, error) {
	return nil, motacilla.ErrUnavailable
}

// Whoever can't be known now reads public channels as everybody does.
func TestUnknownNow(t *testing.T) {
	s := open(t, func(*access.Kit) access.Authenticator { return away{} })
	for ch, want := range map[motacilla.ChannelID]error{"open": nil, "none": nil, "closed": motacilla.ErrUnavailable} {
		grant, err := s.Authorize(request(http.MethodGet, "Authorization", "Bearer x"), ch, route.Read)
		if !errors.Is(err, want) || err == nil && ch == "open" && !grant.WhilePublic {
			t.Errorf("%q: %+v, %v", ch, grant, err)
		}
	}
	if _, err := s.Authorize(request(http.MethodPost, "Authorization", "Bearer x"), "open", route.Write); !errors.Is(err, motacilla.ErrUnavailable) {
		t.Errorf("writing: %v", err)
	}
}
