package access_test

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/access"
	"github.com/motacilla-live/motacilla/route"
)

// counted counts reads of the store, and fails while it has an error.
type counted struct {
	motacilla.Records
	gets  atomic.Int64
	fault atomic.Pointer[error]
	fails string // the namespace whose writes fail; empty: everything
}

func (c *counted) failing(namespace string) error {
	if err := c.fault.Load(); err != nil && (c.fails == "" || c.fails == namespace) {
		return *err
	}
	return nil
}

func (c *counted) Get(ctx context.Context, namespace, key string) (motacilla.Record, error) {
	c.gets.Add(1)
	if err := c.failing(""); c.fails == "" && err != nil {
		return motacilla.Record{}, err
	}
	return c.Records.Get(ctx, namespace, key)
}

func (c *counted) Put(ctx context.Context, r motacilla.Record) (motacilla.Record, error) {
	if err := c.failing(r.Namespace); err != nil {
		return motacilla.Record{}, err
	}
	return c.Records.Put(ctx, r)
}

func (c *counted) List(ctx context.Context, namespace, prefix, after string, limit int) ([]motacilla.Record, error) {
	if err := c.failing(""); c.fails == "" && err != nil {
		return nil, err
	}
	return c.Records.List(ctx, namespace, prefix, after, limit)
}

// breaking is a store of which one list of the audit log fails: the one that lets lists reach zero.
type breaking struct {
	motacilla.Records
	lists atomic.Int64
}

func (b *breaking) List(ctx context.Context, namespace, prefix, after string, limit int) ([]motacilla.Record, error) {
	if namespace == "access-audit" && b.lists.Load() > 0 && b.lists.Add(-1) == 0 {
		return nil, motacilla.ErrUnavailable
	}
	return b.Records.List(ctx, namespace, prefix, after, limit)
}

func (c *counted) down(err error) {
	if err == nil {
		c.fault.Store(nil)
		return
	}
	c.fault.Store(&err)
}

// A credential that is known costs no read of the store for a minute, whatever else is asked. Wrong ones are forgotten sooner.
func TestRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := open(t)
		secret := first.token("ci", "editor")
		records := &counted{Records: first.store.Records()}
		s := joinWith(t, first.store, records, "")
		ask := func(token string) int64 {
			before := records.gets.Load()
			for range 100 {
				_, err := s.Authorize(request(http.MethodPost, "Authorization", "Bearer "+token), "open", route.Write)
				if (err == nil) != (token == secret) {
					t.Fatal(err)
				}
			}
			return records.gets.Load() - before
		}
		wrong := secret + "x"
		for _, c := range []struct {
			after        time.Duration
			right, wrong int64
		}{{0, 1, 1}, {0, 0, 0}, {4 * time.Second, 0, 0}, {time.Second, 0, 1}, {54 * time.Second, 0, 1}, {time.Second, 1, 0}} {
			time.Sleep(c.after)
			if right, wrong := ask(secret), ask(wrong); right != c.right || wrong != c.wrong {
				t.Errorf("after %v more: %d reads, and %d for a wrong token; want %+v", c.after, right, wrong, c)
			}
		}
		records.down(motacilla.ErrUnavailable)
		if n := ask(secret); n != 0 {
			t.Errorf("the store is asked %d times", n)
		}
		time.Sleep(time.Minute)
		_, err := s.Authorize(request(http.MethodGet, "Authorization", "Bearer "+secret), "closed", route.Read)
		if !errors.Is(err, motacilla.ErrUnavailable) {
			t.Errorf("nobody can tell whose the token is: %v", err)
		}
	})
}

// A token ends at its time, also while it is remembered.
func TestTokenExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t)
		end := time.Now().Add(10 * time.Second).UTC()
		secret, err := s.Kit().CreateToken(t.Context(), access.Token{Name: "ci", Rights: access.Rights{{Role: access.Editor}}, Expires: end})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			after     time.Duration
			permitted bool
		}{{0, true}, {10*time.Second - time.Microsecond, true}, {time.Microsecond, false}, {time.Hour, false}} {
			time.Sleep(c.after)
			grant, err := s.Authorize(request(http.MethodGet, "Authorization", "Bearer "+secret), "closed", route.Read)
			if (err == nil) != c.permitted || !c.permitted && !errors.Is(err, motacilla.ErrUnauthorized) || err == nil && !grant.Expires.Equal(end) {
				t.Errorf("after %v more: %v until %v", c.after, err, grant.Expires)
			}
		}
	})
}

// A revocation that failed half way can be made again, although what it removes is gone.
func TestRevokedAgain(t *testing.T) {
	first := open(t, newStaff)
	records := &counted{Records: first.store.Records(), fails: "access-revoked"}
	s := joinWith(t, first.store, records, "", newStaff)
	acc := hire(t, first.store.Records(), "anna", "reader")
	for name, c := range map[string]struct {
		request *http.Request
		revoke  func() error
		gone    error // of the second try
	}{
		"token": {
			request(http.MethodGet, "Authorization", "Bearer "+first.token("ci", "reader")),
			func() error { return s.Kit().RevokeToken(t.Context(), "ci") }, motacilla.ErrNotFound,
		},
		"sessions": {
			withCookies(request(http.MethodGet), first.signIn(acc, request(http.MethodPost))),
			func() error { return s.Kit().EndSession(t.Context(), acc.Who, "") }, nil,
		},
	} {
		grant, err := first.Authorize(c.request, "closed", route.Read)
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		grant.Holder.OnRevoke(func() { close(ended) })
		records.down(motacilla.ErrUnavailable)
		if err := c.revoke(); !errors.Is(err, motacilla.ErrUnavailable) {
			t.Errorf("%s, while the store fails: %v", name, err)
		}
		records.down(nil)
		if err := c.revoke(); !errors.Is(err, c.gone) {
			t.Errorf("%s, again: %v", name, err)
		}
		<-ended
	}
	list, err := first.Kit().Sessions(t.Context(), acc.Who)
	if err != nil || len(list) != 0 {
		t.Errorf("sessions: %v, %v", list, err)
	}
	one := first.signIn(acc, request(http.MethodPost))
	grant, err := first.Authorize(withCookies(request(http.MethodGet), one), "closed", route.Read)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	grant.Holder.OnRevoke(func() { close(ended) })
	if list, err = first.Kit().Sessions(t.Context(), acc.Who); err != nil || len(list) != 1 {
		t.Fatalf("sessions: %v, %v", list, err)
	}
	records.down(motacilla.ErrUnavailable)
	if err := s.Kit().EndSession(t.Context(), acc.Who, list[0].ID); !errors.Is(err, motacilla.ErrUnavailable) {
		t.Errorf("one session, while the store fails: %v", err)
	}
	records.down(nil)
	if err := s.Kit().EndSession(t.Context(), acc.Who, list[0].ID); !errors.Is(err, motacilla.ErrNotFound) {
		t.Errorf("one session, again: %v", err)
	}
	<-ended
}

// Somebody who is renamed has the same permission, which one revocation ends. Nothing keeps the old names.
func TestRenamed(t *testing.T) {
	s := open(t)
	kit := s.Kit()
	old := kit.Holder("x/1", "x/anna", "Anna")
	if kit.Holder("x/1", "x/anna", "Anna") != old {
		t.Error("another Holder of the same session")
	}
	ended := make(chan string, 2)
	old.OnRevoke(func() { ended <- "old" })
	renamed := kit.Holder("x/1", "x/anna", "Anne")
	if renamed.Name != "Anne" || old.Name != "Anna" || renamed == old {
		t.Errorf("renamed: %+v", renamed)
	}
	stop := renamed.OnRevoke(func() { ended <- "renamed" })
	if !stop() || !renamed.Watched() {
		t.Error("the permission is not watched")
	}
	renamed.OnRevoke(func() { ended <- "renamed" })
	if err := kit.Revoke(t.Context(), "x/anna"); err != nil {
		t.Fatal(err)
	}
	if a, b := <-ended, <-ended; a == b || !old.Revoked() || !renamed.Revoked() {
		t.Errorf("revoked: %s, %s", a, b)
	}
	if next := kit.Holder("x/1", "x/anna", "Anne"); next.Revoked() || next == renamed {
		t.Error("a permission that is given after the revocation is revoked")
	}
}

// What another process hands over goes on if it is still permitted.
func TestResume(t *testing.T) {
	first := open(t, newStaff)
	records := &counted{Records: first.store.Records()}
	s := joinWith(t, first.store, records, "", newStaff)
	first.token("ci", "reader")
	first.token("local", "reader:open")
	acc := hire(t, first.store.Records(), "anna", "reader")
	grant, err := first.Authorize(withCookies(request(http.MethodGet), first.signIn(acc, request(http.MethodPost))), "closed", route.Read)
	if err != nil {
		t.Fatal(err)
	}
	session := grant.Holder.ID
	for _, c := range []struct {
		id    string
		known bool
	}{{"token/ci", true}, {session, true}, {"token/other", false}, {session + "0", false}, {"server", false}, {"jwt/anna", false}, {"", false}} {
		if h, err := s.Kit().Resume(t.Context(), c.id, "closed"); err != nil || (h != nil) != c.known || h != nil && (h.ID != c.id || !h.Revocable()) {
			t.Errorf("%s: %+v, %v", c.id, h, err)
		}
	}
	if h, err := s.Kit().Resume(t.Context(), "token/local", "closed"); h != nil || err != nil {
		t.Errorf("a token that may read other channels is resumed: %+v, %v", h, err)
	}
	h, err := s.Kit().Resume(t.Context(), "token/ci", "closed")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	h.OnRevoke(func() { close(ended) })
	if err := first.Kit().RevokeToken(t.Context(), "ci"); err != nil {
		t.Fatal(err)
	}
	<-ended
	if h, err := s.Kit().Resume(t.Context(), "token/ci", "closed"); h != nil || err != nil {
		t.Errorf("a revoked token is resumed: %+v, %v", h, err)
	}
	records.down(motacilla.ErrUnavailable)
	if h, err := s.Kit().Resume(t.Context(), session, "closed"); h != nil || !errors.Is(err, motacilla.ErrUnavailable) {
		t.Errorf("a session is resumed of which nobody can tell whether it was revoked: %+v, %v", h, err)
	}
}
