package access

import (
	"errors"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage/memory"
)

// A credential is looked up again if it was revoked meanwhile, and not because others were: otherwise whoever ends sessions without a
// pause could keep others out.
func TestRevokedWhileLookedUp(t *testing.T) {
	store := memory.New(nil)
	t.Cleanup(func() { _ = store.Close() })
	for name, c := range map[string]struct {
		ends  []string // what is revoked while the credential is looked up, each time
		asked int
		fails bool
	}{
		"nothing":      {nil, 1, false},
		"others":       {[]string{"session/person/ben/1", "person/ben", signedSpace + "/x"}, 1, false},
		"the session":  {[]string{"person/ben", "session/person/anna/1"}, mostAsks, true},
		"the account":  {[]string{"person/anna", "person/ben"}, mostAsks, true},
		"very many":    {make([]string, mostLately+1), mostAsks, true}, // nobody remembers which
		"not too many": {make([]string, mostLately), 1, false},
	} {
		k := NewKit(&KitOptions{Records: store.Records()})
		asked := 0
		s, err := k.holders.unchanged(func() (*Subject, error) {
			asked++
			for _, id := range c.ends {
				k.holders.end(id)
			}
			return &Subject{Holder: k.Holder("session/person/anna/1", "person/anna", "Anna")}, nil
		})
		if asked != c.asked || (s == nil) != c.fails || errors.Is(err, motacilla.ErrUnavailable) != c.fails {
			t.Errorf("%s: asked %d times, %v, %v", name, asked, s, err)
		}
	}
}
