package page_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/access"
	"github.com/motacilla-live/motacilla/page"
	"github.com/motacilla-live/motacilla/page/languages"
)

var _ access.Pages = (*page.Page)(nil)

var (
	admin  = access.Rights{{Role: access.Admin}}
	mixed  = access.Rights{{Role: access.Reader}, {Role: access.Editor, Channels: []string{"match-*", "final"}}}
	signIn = access.SignInForm{Next: "/channels/secret", Passwords: true, ByPasskey: true}
)

func account() access.AccountForm {
	return access.AccountForm{
		Login: "ada", Name: "Ada <b>", Rights: mixed, Desk: "/news/desk", Password: true, Recent: true, ByPasskey: true, Current: "one",
		Passkeys: []access.Passkey{
			{ID: "key1", Label: "My \"phone\"", Created: "2026-05-01T12:00:00Z", Used: "2026-05-02T12:00:00Z"},
			{ID: "key2", Created: "2026-05-01T12:00:00Z"},
		},
		Sessions: []access.Session{
			{ID: "one", Created: start, Agent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"},
			{ID: "two", Created: start, Agent: "curl/8.1", Address: "192.0.2.7"},
		},
	}
}

// form asks a page for a form.
func form(t *testing.T, o page.Options, status int, name string, data any) *httptest.ResponseRecorder {
	t.Helper()
	o.Failed = func(_ *http.Request, err error) { t.Error(err) }
	src, w := newSource(), httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
	page.New(src, src.snapshot, &o).Form(w, r, status, name, data)
	return w
}

func TestForms(t *testing.T) {
	wrong := signIn
	wrong.Login, wrong.Failed = `"ada"`, access.SignInWrong
	wait := signIn
	wait.Failed, wait.Wait = access.SignInWait, 200
	other := access.SignInForm{Others: []access.SignInAt{{Name: "Example & Sons", URL: "/sign-in/example?next=%2F"}}}
	odd := signIn
	odd.Failed = "of_another_version"
	invited := access.InvitationForm{Secret: "s3cret", Invites: "Grace", Rights: mixed, Login: "ada", ByPasskey: true}
	taken := invited
	taken.Failed, taken.Field = access.LoginTaken, "login"
	short := account()
	short.Failed, short.Field, short.Saved = access.PasswordShort, "password", true
	elsewhere := account()
	elsewhere.Elsewhere, elsewhere.ByPasskey = true, false
	bare := access.AccountForm{Login: "ada", Name: "Ada", Recent: true}
	late, bareLate := account(), access.AccountForm{Login: "ada", Name: "Ada"}
	late.Recent = false
	for _, tt := range []struct {
		what, name string
		data       any
		want, not  []string
	}{
		{"signing in", "signin", signIn, []string{
			"<title>Sign in</title>", `<form class="form" method="post" action="/sign-in">`, `name="next" type="hidden" value="/channels/secret"`,
			`autocomplete="username webauthn"`, `autocomplete="current-password"`, `data-passkey="sign-in" data-next="/channels/secret" hidden>`,
			`data-api="/api/access"`, `"passkey_cancelled":"It was cancelled`, `src="/assets/passkey.`,
		}, []string{"wrong\" id", "live.js", "aria-describedby", "sign-in/"}},
		{"a wrong password", "signin", wrong, []string{
			`id="wrong" role="alert">The user name or the password is wrong.</p>`, `value="&#34;ada&#34;"`, `aria-describedby="wrong" autofocus></div>` + "\n<button",
		}, nil},
		{"too many tries", "signin", &wait, []string{"Please wait. Minutes until the next try: 4</p>"}, nil},
		{"another server", "signin", other, []string{
			`href="/sign-in/example?next=%2F">Sign in with <bdi>Example &amp; Sons</bdi></a>`,
		}, []string{"<form", "passkey"}},
		{"no passkeys at the address", "signin", access.SignInForm{Passwords: true}, []string{`autocomplete="username"`}, []string{"passkey"}},
		{"a word of another version", "signin", odd, []string{`role="alert">Something went wrong</p>`}, nil},
		{"an invitation", "invitation", invited, []string{
			"<bdi>Grace</bdi> invites you to <bdi>The &lt;Times&gt;</bdi>.", `action="/invitation/s3cret"`, `data-secret="s3cret"`,
			"<strong>Reader</strong>\non all pages", "<strong>Editor</strong>\non <bdi>match-* · final</bdi>", "Writes and changes pages and posts.",
			`autocomplete="new-password"`, `id="login" name="login" value="ada"`,
		}, []string{"<h1>Your account"}},
		{"an invitation of nobody", "invitation", access.InvitationForm{}, []string{"You are invited to <bdi>The", "Nothing yet."}, []string{"passkey"}},
		{"the first account", "invitation", access.InvitationForm{First: true, Rights: admin}, []string{"It is the first account of"}, []string{"What you may do"}},
		{"a taken name", "invitation", taken, []string{`aria-invalid="true" aria-describedby="wrong" autofocus>` + "\n" + `<p class="wrong" id="wrong" role="alert">Somebody else`}, nil},
		{"a used invitation", "invitation", access.InvitationForm{Failed: access.InvitationGone}, []string{"This link is no longer valid."}, []string{"<form", "<script type=\"module\""}},
		{"a new password", "invitation", access.InvitationForm{Reset: true, Login: "ada", Secret: "x", ByPasskey: true}, []string{
			"<title>Your account</title>", "Choose how <bdi>ada</bdi> signs in", `<input value="ada" autocomplete="username" readonly hidden>`, "Set a password",
		}, []string{`name="login"`, `name="name"`, "What you may do"}},
		{"an account", "account", account(), []string{
			"<strong>Ada &lt;b&gt;</strong>", `href="/news/desk">Write posts</a>`, `action="/sign-out"`, "Firefox, Linux", "This browser", `data-remove="sessions/two" hidden>`, "192.0.2.7",
			`data-remove="passkeys/key1" data-name="My &#34;phone&#34;" hidden>`, "Without a name", `Used <time datetime="2026-05-02T12:00:00.000000Z">`,
			`id="old" name="old"`, "Change the password", `data-passkey="account"`,
		}, []string{`data-remove="sessions/one"`, "Saved.", `role="alert">Th`}},
		{"a short password", "account", short, []string{`aria-describedby="password-hint wrong" aria-invalid="true" autofocus>`, "Saved."}, nil},
		{"an account of somebody who writes", "account", access.AccountForm{Login: "ada", Desk: "/sub/compose"}, []string{
			`<a class="button" href="/sub/compose">Write posts</a>`,
		}, nil},
		{"an account without anything", "account", bare, []string{
			"You have no passkey yet.", "Set a password", "Passkeys do not work at this address.",
		}, []string{`name="old"`, `data-passkey="account"`, "Write posts"}},
		{"an account long after signing in", "account", late, []string{
			"To change how you sign in, first sign in again.", `href="/sign-in?next=/account">Sign in again</a>`, `name="old"`, `data-remove="sessions/two"`,
		}, []string{`data-passkey="account"`, `data-remove="passkeys/`}},
		{"a first password long after signing in", "account", bareLate, []string{`href="/sign-in?next=/account"`, `action="/account"`}, []string{`name="password"`}},
		{"an account of another server", "account", elsewhere, []string{"Where you are signed in", `action="/sign-out"`}, []string{
			`action="/account"`, "data-passkey=", "passkeys/",
		}},
	} {
		t.Run(tt.what, func(t *testing.T) {
			w := form(t, page.Options{Name: "The <Times>"}, http.StatusOK, tt.name, tt.data)
			if w.Code != http.StatusOK {
				t.Errorf("status is %d", w.Code)
			}
			body := w.Body.String()
			contains(t, tt.what, body, tt.want...)
			for _, not := range tt.not {
				if strings.Contains(body, not) {
					t.Errorf("%s has %s:\n%s", tt.what, not, body)
				}
			}
		})
	}
}

// TestFormIsSafe: forms can't be put into frames, are not kept, and tell their address to no other site.
func TestFormIsSafe(t *testing.T) {
	for name, data := range map[string]any{"signin": signIn, "invitation": access.InvitationForm{}, "account": account()} {
		w := form(t, page.Options{Look: look(t, page.LookOptions{Frames: page.FramesShow})}, http.StatusUnauthorized, name, data)
		h := w.Header()
		policy := h.Get("Content-Security-Policy")
		for _, want := range []string{
			"default-src 'none'", "script-src 'self'", "connect-src 'self';", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'",
		} {
			if strings.Count(policy+";", want) != 1 {
				t.Errorf("%s: the policy is %s, want %s", name, policy, want)
			}
		}
		if strings.Contains(policy, "frame-src") || strings.Count(policy, "frame-ancestors") != 1 || h.Get("X-Frame-Options") != "DENY" {
			t.Errorf("%s: %s, X-Frame-Options: %s", name, policy, h.Get("X-Frame-Options"))
		}
		if w.Code != http.StatusUnauthorized || h.Get("Cache-Control") != "no-store" || h.Get("ETag") != "" ||
			h.Get("Referrer-Policy") != "same-origin" || h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %d %v", name, w.Code, h)
		}
	}
}

// TestFormWords: pages can say everything that is wrong, in each language, and what forms have is what templates are checked with.
func TestFormWords(t *testing.T) {
	words := page.English().Words
	for _, key := range []string{
		access.SignInWrong, access.SignInWait, access.SignInBusy, access.InvitationGone, access.LoginInvalid, access.LoginTaken,
		access.NameInvalid, access.PasswordShort, access.PasswordLong, access.PasswordCommon, access.PasswordOwn, access.PasswordIncorrect,
		"signin_failed", "signin_denied", "signin_away", "signin_again", "signin_refused", // of OpenID Connect
	} {
		if words[key] == "" {
			t.Errorf("there is no word %s", key)
		}
	}
	has := map[string]bool{}
	for _, of := range []reflect.Type{
		reflect.TypeFor[access.SignInForm](), reflect.TypeFor[access.InvitationForm](), reflect.TypeFor[access.AccountForm](),
	} {
		for _, f := range reflect.VisibleFields(of) {
			has[f.Name] = true
			if _, ok := page.FormSample.FieldByName(f.Name); !ok {
				t.Errorf("templates are checked without %s.%s", of, f.Name)
			}
		}
	}
	for _, f := range reflect.VisibleFields(page.FormSample) {
		if !has[f.Name] {
			t.Errorf("templates are checked with %s, which no form has", f.Name)
		}
	}
	set, err := languages.New()
	if err != nil {
		t.Fatal(err)
	}
	for _, tag := range set.Tags() {
		l := look(t, page.LookOptions{Language: tag, Languages: set})
		language, _ := set.Language(tag)
		for name, data := range map[string]any{"signin": signIn, "invitation": access.InvitationForm{Rights: mixed}, "account": account()} {
			w := form(t, page.Options{Look: l}, http.StatusOK, name, data)
			contains(t, tag+" "+name, w.Body.String(), `<html lang="`+tag+`" dir="`+language.Direction+`">`, language.Words[name+"_title"])
		}
	}
}

// TestPasskeyWords: the page has the words that the script for passkeys says, and no others.
func TestPasskeyWords(t *testing.T) {
	script, err := os.ReadFile("client/passkey.ts")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, m := range regexp.MustCompile(`"([a-z]+_[a-z]+)"|words\.([a-z_]+)`).FindAllStringSubmatch(string(script), -1) {
		want = append(want, m[1]+m[2])
	}
	slices.Sort(want)
	body := form(t, page.Options{}, http.StatusOK, "signin", signIn).Body.String()
	_, island, _ := strings.Cut(body, `data-api="/api/access">`)
	island, _, _ = strings.Cut(island, "</script>")
	words := map[string]string{}
	if err := json.Unmarshal([]byte(island), &words); err != nil {
		t.Fatal(err)
	}
	if got := slices.Sorted(maps.Keys(words)); !slices.Equal(got, slices.Compact(want)) {
		t.Errorf("the page has the words\n%q, the script says\n%q", got, want)
	}
}

// TestOwnForm: a site's own template gets the same, and is checked.
func TestOwnForm(t *testing.T) {
	own := `<h1>Mine</h1><form method="post" action="{{base}}/sign-in"><input name="login"><input name="password"><input name="next" value="{{.Form.Next}}"></form>`
	l := look(t, page.LookOptions{Templates: folder("signin.html", own)})
	contains(t, "own form", form(t, page.Options{Look: l, Base: "/news"}, 200, "signin", signIn).Body.String(), "<h1>Mine</h1>", `action="/news/sign-in"`)
	for text, want := range map[string]string{
		strings.Replace(own, "password", "pass", 1): "signin.html: the form must have an input with the name password",
		strings.Replace(own, "/sign-in", "/", 1):    `signin.html: must have <form method="post" action="/sign-in">`,
		"{{.Form.Nothing}}":                         "can't evaluate field Nothing",
	} {
		_, err := page.NewLook(page.LookOptions{Templates: folder("signin.html", text)})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %s", err, want)
		}
	}
}

// TestSignInURL: private pages link to the page for signing in, and the path of that page is left to others.
func TestSignInURL(t *testing.T) {
	o := page.Options{SignInURL: "/sign-in"} // looking sets SignIn too
	w := looking(t, o, "/channels/secret?before=x")
	contains(t, "private page", w.Body.String(), `<a href="/sign-in?next=%2Fchannels%2Fsecret%3Fbefore%3Dx">Sign in to read it</a>`)
	if w.Code != http.StatusForbidden || strings.Contains(w.Body.String(), "<form") {
		t.Errorf("the private page: %d %s", w.Code, w.Body)
	}
	src := newSource()
	for _, rt := range page.New(src, src.snapshot, &o).URLs() {
		if rt.Pattern == "/sign-in" {
			t.Error("the pages have the route /sign-in")
		}
	}
}

func TestLocal(t *testing.T) {
	src := newSource()
	p := page.New(src, src.snapshot, &page.Options{Base: "/news"})
	for next, want := range map[string]string{
		"/news/channels/a?before=x#y": "/news/channels/a?before=x#y", "/news/account": "/news/account", "/news/": "/news/",
		"": "/news/", "/": "/news/", "/other": "/news/", "//evil.example/news/": "/news/", "https://evil.example/news/": "/news/",
		`/news/\evil.example`: "/news/", "/news/\r\nX: y": "/news/", "javascript:alert(1)": "/news/", "/newsroom": "/news/",
	} {
		if got := p.Local(next); got != want {
			t.Errorf("Local(%q) is %q, want %q", next, got, want)
		}
	}
}

func TestAgent(t *testing.T) {
	for header, want := range map[string]string{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0": "Edge, Windows",
		"Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36":         "Chrome, Android",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/604.1":     "Safari, iPhone",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15":         "Safari, macOS",
		"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0":                                                        "Firefox, Linux",
		"Firefox/1": "Firefox", "curl/8.14.1": "curl/8.14.1", "Bot 1.0 <script>": "Bot", "": "",
	} {
		if got := page.Agent(header); got != want {
			t.Errorf("%s is %q, want %q", header, got, want)
		}
	}
}

// TestBrokenForm: an error of a template is the site's own, and readers do not see it.
func TestBrokenForm(t *testing.T) {
	var failed error
	src := newSource()
	p := page.New(src, src.snapshot, &page.Options{Failed: func(_ *http.Request, err error) { failed = err }})
	w := httptest.NewRecorder()
	p.Form(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody), http.StatusOK, "account", motacilla.Post{})
	if failed == nil || w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "Post") {
		t.Errorf("%v: %d %s", failed, w.Code, w.Body)
	}
}
