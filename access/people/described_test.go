package people

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/motacilla-live/motacilla"
)

// After all tests, everything that the description has was seen: [browser.do] compares each request and answer with it. What only
// package live answers, which limits all requests, is left out.
func TestMain(m *testing.M) {
	code := m.Run()
	if only := flag.Lookup("test.run").Value.String(); code == 0 && only == "" {
		for _, unseen := range contract().Unseen("/api/access/passkeys", "/api/access/people", "/api/access/invitations") {
			if !strings.Contains(unseen, " 429") || strings.HasPrefix(unseen, "POST /api/access/passkeys") {
				fmt.Fprintln(os.Stderr, "described, and by no test seen:", unseen)
				code = 1
			}
		}
	}
	os.Exit(code)
}

// faulty are records that fail while they have a fault.
type faulty struct {
	motacilla.Records
	fault atomic.Pointer[error]
}

func (f *faulty) err() error {
	if err := f.fault.Load(); err != nil {
		return *err
	}
	return nil
}

func (f *faulty) Get(ctx context.Context, namespace, key string) (motacilla.Record, error) {
	if err := f.err(); err != nil {
		return motacilla.Record{}, err
	}
	return f.Records.Get(ctx, namespace, key)
}

func (f *faulty) Put(ctx context.Context, r motacilla.Record) (motacilla.Record, error) {
	if err := f.err(); err != nil {
		return motacilla.Record{}, err
	}
	return f.Records.Put(ctx, r)
}

func (f *faulty) List(ctx context.Context, namespace, prefix, after string, limit int) ([]motacilla.Record, error) {
	if err := f.err(); err != nil {
		return nil, err
	}
	return f.Records.List(ctx, namespace, prefix, after, limit)
}

// A store that fails is told of in the same way by all routes, and no answer tells what is in it.
func TestFaults(t *testing.T) {
	in(t, func(t *testing.T) {
		var records *faulty
		s := openWith(t, settings{records: func(r motacilla.Records) motacilla.Records {
			records = &faulty{Records: r}
			return records
		}})
		anna := s.browser("192.0.2.1")
		anna.join(s.first(), "anna", "Anna")
		id, _ := optionsOf[assertion](anna, map[string]any{"for": "sign-in"})
		server := []string{"Authorization", "Bearer " + serverToken}
		reader := []map[string]string{{"role": "reader"}}
		for status, fault := range map[int]error{503: motacilla.ErrUnavailable, 500: errors.New("disk s3cret is full")} {
			records.fault.Store(&fault)
			for _, one := range []struct {
				method, path string
				body         any
				header       []string
			}{
				{"POST", "/api/access/passkeys/options", map[string]any{"for": "sign-in"}, nil},
				{"POST", "/api/access/passkeys", map[string]any{"id": id, "for": "sign-in", "credential": map[string]any{}}, nil},
				{"DELETE", "/api/access/passkeys/AAAA", nil, nil},
				{"GET", "/api/access/people", nil, server}, {"GET", "/api/access/people/anna", nil, server},
				{"PATCH", "/api/access/people/anna", map[string]any{"name": "A"}, server}, {"DELETE", "/api/access/people/anna", nil, server},
				{"POST", "/api/access/people/anna/reset", nil, server},
				{"GET", "/api/access/invitations", nil, server}, {"POST", "/api/access/invitations", map[string]any{"rights": reader}, server},
				{"DELETE", "/api/access/invitations/none", nil, server},
			} {
				got := anna.rest(one.method, one.path, one.body, one.header...)
				if got.Code != status || strings.Contains(got.Body.String(), "s3cret") {
					t.Errorf("%s %s: %d %s, want %d", one.method, one.path, got.Code, got.Body, status)
				}
			}
			records.fault.Store(nil)
		}
	})
}

// Bodies that are no JSON, or too long, are refused by all routes.
func TestBodies(t *testing.T) {
	in(t, func(t *testing.T) {
		_, anna := admin(t)
		for _, one := range []struct{ method, path string }{
			{"POST", "/api/access/passkeys/options"}, {"POST", "/api/access/passkeys"}, {"PATCH", "/api/access/people/anna"},
			{"POST", "/api/access/invitations"},
		} {
			anna.do(one.method, one.path, "text/plain", strings.NewReader("{}")).want(http.StatusUnsupportedMediaType)
			long := strings.NewReader(strings.Repeat(" ", 1<<20) + "{}")
			anna.do(one.method, one.path, "application/json", long).want(http.StatusRequestEntityTooLarge)
		}
	})
}

// Rights on some channels, and passkeys, are in all answers about an account.
func TestAnswersAboutAccounts(t *testing.T) {
	in(t, func(t *testing.T) {
		_, anna := admin(t)
		ben := anna.person("ben", "reader")
		phone := newAuthenticator()
		ben.passkeyAdd(phone, "Phone").want(http.StatusCreated)
		ben.passkeySignIn(phone).want(http.StatusOK)
		some := []map[string]any{{"role": "editor", "channels": []string{"match-*"}}}
		anna.rest(http.MethodPatch, "/api/access/people/ben", map[string]any{"rights": some}).want(http.StatusOK)
		for _, path := range []string{"/api/access/people/ben", "/api/access/people"} {
			body := anna.get(path).want(http.StatusOK).Body.String()
			for _, part := range []string{`"match-*"`, `"Phone"`, `"used"`} {
				if !strings.Contains(body, part) {
					t.Errorf("%s has no %s: %s", path, part, body)
				}
			}
		}
		for range 100 {
			if anna.rest(http.MethodPost, "/api/access/passkeys", map[string]any{"id": "x"}).Code == http.StatusTooManyRequests {
				return
			}
		}
		t.Error("requests for passkeys are not limited")
	})
}
