package people

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/access"
)

func TestLogins(t *testing.T) {
	for give, want := range map[string]string{
		"anna": "anna", " Anna ": "anna", "ANNA@example.org": "anna@example.org", "a": "a", "7": "7", "a.b_c-d@e": "a.b_c-d@e",
		strings.Repeat("a", 100): strings.Repeat("a", 100),
		"":                       "", " ": "", ".": "", "..": "", "@anna": "", "-a": "", "an na": "", "änna": "", "a/b": "", "a\x00": "", "a\n": "",
		"\u212anna": "", strings.Repeat("a", 101): "",
	} {
		got, ok := parseLogin(give)
		if got != want || ok != (want != "") {
			t.Errorf("%q is %q, %v; want %q", give, got, ok, want)
		}
	}
}

func TestNames(t *testing.T) {
	for give, want := range map[string]string{
		"Anna": "Anna", "  Zoë  ": "Zoë", "Zoe\u0308": "Zoë", "李四": "李四", "آنا\u200cماری": "آنا\u200cماری",
		"": "", " \t": "", "a\nb": "", "a\u202eb": "", "a\xff": "",
		strings.Repeat("ä", 100): strings.Repeat("ä", 100), strings.Repeat("ä", 101): "",
	} {
		got, ok := parseName(give)
		if ok != (want != "") || ok && got != want {
			t.Errorf("%q is %q, %v; want %q", give, got, ok, want)
		}
	}
}

func TestPasswordPolicy(t *testing.T) {
	for password, want := range map[string]string{
		goodWord: "", "Tr0ub4dor&3x": "", "日本語のパスワードです": "", "correct horse battery": "", "          x yz": "",
		"short":                   access.PasswordShort,
		"\u0041\u030a23456789":    access.PasswordShort, // 9 characters in NFKC
		strings.Repeat("ab1", 67): access.PasswordLong,
		"password123":             access.PasswordCommon,
		"PASSWORD!!":              access.PasswordCommon,
		"12345password":           access.PasswordCommon,
		"1234567890":              access.PasswordCommon,
		"abcdefghijkl":            access.PasswordCommon,
		"aaaaaaaaaaab":            access.PasswordCommon,
		"qwertyuiop":              access.PasswordCommon,
		"ｐａｓｓｗｏｒｄ１２":              access.PasswordCommon,
		"anna.smith":              access.PasswordOwn,
		"Anna.Smith1":             access.PasswordOwn,
		"annaanna.smithanna":      "",
		"anna.smithanna.smith":    access.PasswordOwn,
		"motacilla2026":           access.PasswordOwn,
		"example.org":             access.PasswordOwn,
		"Ms Anna Smith":           access.PasswordOwn,
	} {
		if got := checkPassword(password, "anna.smith", "Ms Anna Smith", "example.org", "motacilla", ""); got != want {
			t.Errorf("%q: %q, want %q", password, got, want)
		}
	}
}

// The hash is of another program: the README of the Ruby gem argon2id.
func TestForeignHash(t *testing.T) {
	const phc = "$argon2id$v=19$m=19456,t=2,p=1$agNV6OfDL1OwE44WdrFCJw$ITrBwvCsW4b5GjgZuL67RCcvVMEWBWXtASc9TVyI3rY"
	h := newHasher(owasp)
	for password, want := range map[string]bool{"password": true, "ｐａｓｓｗｏｒｄ": true, "passwort": false, "": false} {
		ok, stale, err := h.check(t.Context(), phc, password)
		if ok != want || stale || err != nil {
			t.Errorf("%q: %v, %v, %v", password, ok, stale, err)
		}
	}
}

func TestHashes(t *testing.T) {
	h := newHasher(cost{8, 1, 1})
	phc, err := h.hash(t.Context(), goodWord)
	if err != nil {
		t.Fatal(err)
	}
	again, _ := h.hash(t.Context(), goodWord)
	if phc == again {
		t.Error("two hashes have the same salt")
	}
	if ok, stale, err := h.check(t.Context(), phc, goodWord); !ok || stale || err != nil {
		t.Errorf("%v, %v, %v", ok, stale, err)
	}
	if ok, stale, err := newHasher(cost{16, 1, 1}).check(t.Context(), phc, goodWord); !ok || !stale || err != nil {
		t.Errorf("with another cost: %v, %v, %v", ok, stale, err)
	}
	if ok, _, err := h.check(t.Context(), "", ""); ok || err != nil {
		t.Errorf("no hash: %v, %v", ok, err)
	}
	for _, bad := range []string{
		"x", "$argon2i$v=19$m=8,t=1,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA", "$argon2id$v=18$m=8,t=1,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$m=4294967295,t=1,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA", "$argon2id$v=19$m=8,t=99,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$m=8,t=1,p=0$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA", "$argon2id$v=19$m=8,t=1,p=2$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$m=8,t=1,p=1$$", "$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAA$AAAA", "$argon2id$v=19$t=1,m=8,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
	} {
		if _, _, err := h.check(t.Context(), bad, goodWord); err == nil {
			t.Errorf("%q is a hash", bad)
		}
	}
}

// A flood of passwords does not take more memory than there are CPUs, and what waits is bounded.
func TestHashesAtATime(t *testing.T) {
	in(t, func(t *testing.T) {
		h := newHasher(cost{8, 1, 1})
		var running, most atomic.Int64
		release := make(chan struct{})
		var all sync.WaitGroup
		for range h.most {
			all.Go(func() {
				_ = h.do(t.Context(), func() {
					most.Store(max(most.Load(), running.Add(1)))
					<-release
					running.Add(-1)
				})
			})
		}
		synctest.Wait()
		if n := int(running.Load()); n != cap(h.slots) {
			t.Errorf("%d at a time", n)
		}
		err := h.do(t.Context(), func() { t.Error("too many at a time") })
		if retry := (*motacilla.RetryError)(nil); !errors.Is(err, motacilla.ErrOverloaded) || !errors.As(err, &retry) || retry.After <= 0 {
			t.Errorf("error is %v", err)
		}
		close(release)
		all.Wait()
		if h.in.Load() != 0 || most.Load() > int64(cap(h.slots)) || h.count.Load() != h.most {
			t.Errorf("%d are in, %d at a time, %d in all", h.in.Load(), most.Load(), h.count.Load())
		}
	})
}

// Whoever goes does not wait on.
func TestHashNobodyWaitsFor(t *testing.T) {
	in(t, func(t *testing.T) {
		h := newHasher(cost{8, 1, 1})
		for range cap(h.slots) {
			h.slots <- struct{}{}
		}
		gone, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if _, err := h.hash(gone, goodWord); !errors.Is(err, motacilla.ErrUnavailable) || h.in.Load() != 0 {
			t.Errorf("%v, %d are in", err, h.in.Load())
		}
	})
}

func FuzzLogin(f *testing.F) {
	for _, s := range []string{"anna", " A@b.c", "..", "\u212a", strings.Repeat("x", 101)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		login, ok := parseLogin(s)
		if !ok {
			if login != "" {
				t.Fatalf("%q is refused, and is %q", s, login)
			}
			return
		}
		if again, ok := parseLogin(login); !ok || again != login {
			t.Fatalf("%q is %q, and that is %q", s, login, again)
		}
		if (motacilla.Record{Namespace: personSpace, Key: login}).Validate() != nil || strings.ContainsAny(login, "/\\?#% ") || login == "." || login == ".." {
			t.Fatalf("%q can't be a key, or stand in a path", login)
		}
	})
}

func FuzzPHC(f *testing.F) {
	f.Add("$argon2id$v=19$m=19456,t=2,p=1$agNV6OfDL1OwE44WdrFCJw$ITrBwvCsW4b5GjgZuL67RCcvVMEWBWXtASc9TVyI3rY")
	f.Add("$argon2id$v=19$m=08,t=+1,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA")
	f.Add("$argon2id$v=19$m=10,t=1,p=1$00000000000$000000000000\n00000000000")
	f.Fuzz(func(t *testing.T, s string) {
		c, salt, key, err := parsePHC(s)
		if err != nil {
			return
		}
		if got := c.format(salt, key); got != s {
			t.Fatalf("%q is formatted as %q", s, got)
		}
		if c.memory > mostMemory || c.passes > mostPasses || c.threads < 1 || c.memory < 8*uint32(c.threads) {
			t.Fatalf("%q costs %+v", s, c)
		}
	})
}
