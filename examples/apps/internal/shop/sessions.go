package shop

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Sessions signs people in with a form and a cookie. The cookie is signed, so that it survives a restart of the app.
type Sessions struct {
	Key      []byte // signs the cookies
	Password string // of everybody
}

// Session is a person who has signed in. An empty User is nobody.
type Session struct {
	User    string
	Expires time.Time
}

const (
	cookie = "shop_session"
	life   = 12 * time.Hour
)

// Of returns the session of a request.
func (s *Sessions) Of(r *http.Request) Session {
	c, err := r.Cookie(cookie)
	if err != nil {
		return Session{}
	}
	value, sum, _ := strings.Cut(c.Value, ".")
	if !hmac.Equal([]byte(sum), []byte(s.sum(value))) {
		return Session{}
	}
	user, until, _ := strings.Cut(value, "|")
	seconds, err := strconv.ParseInt(until, 10, 64)
	if expires := time.Unix(seconds, 0); err == nil && time.Now().Before(expires) {
		return Session{user, expires}
	}
	return Session{}
}

func (s *Sessions) sum(value string) string {
	mac := hmac.New(sha256.New, s.Key)
	mac.Write([]byte(value))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

var form = template.Must(template.New("").Parse(`<form class="sign-in" method="post" action="/sign-in">
<label>User <input name="user" required></label>
<label>Password <input name="password" type="password" required></label>
<input name="next" type="hidden" value="{{.}}"><button>Sign in</button></form>`))

// SignIn shows the form and answers it. It refuses forms from other sites.
func (s *Sessions) SignIn(w http.ResponseWriter, r *http.Request) {
	if err := http.NewCrossOriginProtection().Check(r); err != nil {
		write(w, http.StatusForbidden, "Sign in", "<p>The form must be sent from this site.</p>")
		return
	}
	user, next := r.PostFormValue("user"), r.FormValue("next")
	if !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\r\n\t") {
		next = "/"
	}
	if r.Method != http.MethodPost || !s.right(user, r.PostFormValue("password")) {
		status := http.StatusOK
		if r.Method == http.MethodPost {
			status = http.StatusForbidden
		}
		var html strings.Builder
		_ = form.Execute(&html, next)
		write(w, status, "Sign in", html.String())
		return
	}
	value := user + "|" + strconv.FormatInt(time.Now().Add(life).Unix(), 10)
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure follows the scheme that the reader came by
		Name: cookie, Value: value + "." + s.sum(value), Path: "/", MaxAge: int(life.Seconds()), HttpOnly: true,
		Secure: r.TLS != nil, SameSite: http.SameSiteLaxMode,
	})
	http.Redirect(w, r, next, http.StatusSeeOther) //nolint:gosec // next is a path of this site
}

// right reports whether there is such a user with this password.
func (s *Sessions) right(user, password string) bool {
	known := user == "editor" || user == "reader"
	return known && s.Password != "" && subtle.ConstantTimeCompare([]byte(password), []byte(s.Password)) == 1
}
