package access_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/access"
	"github.com/motacilla-live/motacilla/route"
)

// staff is an authenticator of accounts that sign in. They are in the store, so all nodes know them.
type staff struct{ kit *access.Kit }

func newStaff(kit *access.Kit) access.Authenticator { return staff{kit} }

const staffSpace = "test-staff"

func (staff) Authenticate(context.Context, access.Credential) (*access.Subject, error) {
	return nil, nil
}

func (s staff) Account(ctx context.Context, who string) (*access.Account, error) {
	if !strings.HasPrefix(who, "staff/") {
		return nil, nil
	}
	r, err := s.kit.Records().Get(ctx, staffSpace, who)
	if err != nil {
		return nil, err
	}
	acc := &access.Account{}
	return acc, json.Unmarshal(r.Value, acc)
}

// hire makes or changes an account; without rights it is removed. It tells no node.
func hire(t testing.TB, records motacilla.Records, name string, rights ...string) *access.Account {
	t.Helper()
	who := "staff/" + name
	old, _ := records.Get(t.Context(), staffSpace, who)
	if len(rights) == 0 {
		if err := records.Delete(t.Context(), staffSpace, who, old.Version); err != nil {
			t.Fatal(err)
		}
		return nil
	}
	rs, err := access.ParseRights(rights)
	if err != nil {
		t.Fatal(err)
	}
	acc := &access.Account{Who: who, Name: strings.ToUpper(name), Rights: rs}
	value, err := json.Marshal(acc)
	if err == nil {
		_, err = records.Put(t.Context(), motacilla.Record{Namespace: staffSpace, Key: who, Value: value, Version: old.Version})
	}
	if err != nil {
		t.Fatal(err)
	}
	return acc
}

// signIn returns the cookie of a new session. r is the request that signs in.
func (s *site) signIn(acc *access.Account, r *http.Request) *http.Cookie {
	s.Helper()
	w := httptest.NewRecorder()
	if err := s.Kit().SignIn(w, r, acc, false, 0); err != nil {
		s.Fatal(err)
	}
	set := w.Result().Cookies()
	if len(set) != 1 {
		s.Fatalf("signing in sets %v", set)
	}
	return set[0]
}

// signed is an authenticator of credentials that prove themselves, as signed tokens do: "signed:NAME" is an editor's. Those of
// "fixed:NAME" can't be revoked.
type signed struct{ kit *access.Kit }

func newSigned(kit *access.Kit) access.Authenticator { return signed{kit} }

func (s signed) Authenticate(_ context.Context, c access.Credential) (*access.Subject, error) {
	rights := access.Rights{{Role: access.Editor}}
	if name, is := strings.CutPrefix(c.Secret, "signed:"); is {
		return &access.Subject{Holder: s.kit.Holder("signed/"+name, "signed/"+name, name), Rights: rights}, nil
	}
	if name, is := strings.CutPrefix(c.Secret, "fixed:"); is {
		return &access.Subject{Holder: &route.Holder{ID: "fixed/" + name, Who: "fixed/" + name, Name: name}, Rights: rights}, nil
	}
	return nil, nil
}
