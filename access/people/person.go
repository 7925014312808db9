package people

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/access"
	"github.com/motacilla-live/motacilla/route"
)

// The records of people. The key of a person is its login.
const (
	personSpace = "access-people"
	handleSpace = "access-people-handles" // the login of each handle
)

// personKind begins the Who of people.
const personKind = "person/"

func whoOf(login string) string { return personKind + login }

// person is an account as it is kept.
type person struct {
	login   string
	version int64

	Name     string        `json:"name"`
	Rights   access.Rights `json:"rights"`
	Password string        `json:"password,omitempty"` // a PHC string; empty: none
	Handle   []byte        `json:"handle"`             // random; passkeys know the account by it
	Passkeys []passkey     `json:"passkeys,omitempty"`
	Disabled bool          `json:"disabled,omitempty"`
	Created  time.Time     `json:"created"`
	By       string        `json:"by,omitempty"` // the Who of whoever invited
	// Generation is one more whenever the person may have to be another one than before: the password was changed, or a link for
	// a new one was used. Links and devices of a generation before count no longer.
	Generation int `json:"generation,omitempty"`
}

// account returns what sessions know of the person.
func (p *person) account() *access.Account {
	return &access.Account{Who: whoOf(p.login), Name: p.Name, Rights: p.Rights}
}

func (p *person) holder() *route.Holder { return &route.Holder{Who: whoOf(p.login), Name: p.Name} }

// admin reports whether the person may manage everything.
func (p *person) admin() bool { return !p.Disabled && p.Rights.Allow("", route.Manage) }

// passkey returns the place of a passkey; -1 if there is none.
func (p *person) passkey(id []byte) int {
	return slices.IndexFunc(p.Passkeys, func(k passkey) bool { return bytes.Equal(k.ID, id) })
}

func readPerson(r motacilla.Record) (*person, error) {
	p := &person{}
	if err := json.Unmarshal(r.Value, p); err != nil {
		return nil, fmt.Errorf("read person %q: %w", r.Key, err)
	}
	p.login, p.version = r.Key, r.Version
	return p, nil
}

// get returns a person. ErrNotFound: there is none.
func (p *People) get(ctx context.Context, login string) (*person, error) {
	r, err := p.records.Get(ctx, personSpace, login)
	if err != nil {
		return nil, fmt.Errorf("person %q: %w", login, err)
	}
	return readPerson(r)
}

// put stores one. ErrConflict: it was changed since it was read, or there is one of that login already.
func (p *People) put(ctx context.Context, one *person) error {
	value, err := json.Marshal(one) //nolint:gosec // G117: the password is a hash
	if err != nil {
		return err
	}
	r, err := p.records.Put(ctx, motacilla.Record{Namespace: personSpace, Key: one.login, Value: value, Version: one.version})
	if err == nil {
		one.version = r.Version
	}
	return err
}

// create stores a new person. ErrExists: the login is taken.
func (p *People) create(ctx context.Context, one *person) error {
	one.Created = time.Now().UTC().Truncate(time.Second)
	if one.Handle == nil {
		one.Handle = newHandle()
	}
	// A handle without a person does no harm. A person without a handle can't use passkeys.
	_, err := p.records.Put(ctx, motacilla.Record{Namespace: handleSpace, Key: encodeID(one.Handle), Value: []byte(one.login)})
	if err == nil {
		err = p.put(ctx, one)
		if err != nil {
			p.forgetHandle(ctx, one.Handle)
		}
	}
	if errors.Is(err, motacilla.ErrConflict) {
		return fmt.Errorf("person %q: %w", one.login, motacilla.ErrExists)
	}
	return err
}

func (p *People) forgetHandle(ctx context.Context, handle []byte) {
	if r, err := p.records.Get(ctx, handleSpace, encodeID(handle)); err == nil {
		_ = p.records.Delete(ctx, handleSpace, r.Key, r.Version) // nobody finds a person by it
	}
}

const handleSize = 32

func newHandle() []byte {
	b := make([]byte, handleSize)
	_, _ = rand.Read(b) // it never fails
	return b
}

func encodeID(id []byte) string { return base64.RawURLEncoding.EncodeToString(id) }

// byHandle returns the person of a handle. ErrNotFound: there is none.
func (p *People) byHandle(ctx context.Context, handle []byte) (*person, error) {
	if len(handle) != handleSize {
		return nil, fmt.Errorf("handle: %w", motacilla.ErrNotFound)
	}
	r, err := p.records.Get(ctx, handleSpace, encodeID(handle))
	if err != nil {
		return nil, err
	}
	one, err := p.get(ctx, string(r.Value))
	if err == nil && !bytes.Equal(one.Handle, handle) {
		return nil, fmt.Errorf("handle: %w", motacilla.ErrNotFound)
	}
	return one, err
}

// mostConflicts is how often a change is tried again because somebody else was faster.
const mostConflicts = 20

// change lets edit change a person, and stores it. edit is called again with the newest state if somebody else changes the person
// meanwhile; its error is returned as it is.
func (p *People) change(ctx context.Context, login string, edit func(*person) error) (*person, error) {
	for range mostConflicts {
		one, err := p.get(ctx, login)
		if err == nil {
			err = edit(one)
		}
		if err != nil {
			return one, err
		}
		if err = p.put(ctx, one); err == nil || !errors.Is(err, motacilla.ErrConflict) {
			return one, err
		}
	}
	return nil, fmt.Errorf("person %q: %w", login, motacilla.ErrConflict)
}

const mostListed = 500 // records that are read at a time

// each calls do for all people, in the order of their logins, until it returns false.
func (p *People) each(ctx context.Context, do func(*person) bool) error {
	return eachRecord(ctx, p.records, personSpace, func(r motacilla.Record) (bool, error) {
		one, err := readPerson(r)
		return err == nil && do(one), err
	})
}

func eachRecord(ctx context.Context, records motacilla.Records, space string, do func(motacilla.Record) (more bool, err error)) error {
	for after := ""; ; {
		list, err := records.List(ctx, space, "", after, mostListed)
		if err != nil {
			return err
		}
		for _, r := range list {
			if more, err := do(r); err != nil || !more {
				return err
			}
			after = r.Key
		}
		if len(list) < mostListed {
			return nil
		}
	}
}

// anybody reports whether there is a person.
func (p *People) anybody(ctx context.Context) (bool, error) {
	list, err := p.records.List(ctx, personSpace, "", "", 1)
	return len(list) > 0, err
}
