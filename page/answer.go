package page

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/route"
)

// answer is a page to write.
type answer struct {
	at         place
	template   string
	data       any
	status     int
	tag        string // the ETag; empty means none
	cache      string
	transports []Transport
	form       bool // no other page may show it, or know its address
}

// view is what every template of a page gets.
type view struct {
	speech

	Kind   string // channel, index, sign-in, invitation, account or error
	Site   string // the site's name
	Title  string // of the page
	Styled bool   // the site has a style sheet of its own
	Words  *words // for the browser client; nil if it has them built in
}

func (p *Page) view(e *edition, l *Language, kind, title string) view {
	v := view{speech: e.speech(l), Kind: kind, Site: p.o.Name, Title: title, Styled: e.styled}
	if w := wordsOf(l); !w.builtIn() {
		v.Words = w
	}
	return v
}

// write writes a page, or 304 if the browser has it.
func (e *edition) write(w http.ResponseWriter, r *http.Request, a answer) error {
	h := w.Header()
	h.Set("Cache-Control", a.cache)
	h.Add("Vary", "Cookie, Authorization") // CORS adds Origin
	if a.tag != "" {
		h.Set("ETag", a.tag)
		if route.Unchanged(r, a.tag) {
			w.WriteHeader(http.StatusNotModified)
			return nil
		}
	}
	body, err := e.render(a.at, a.template, a.data)
	if err != nil {
		h.Del("ETag")
		return err
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Content-Security-Policy", policy(a.transports, e.frames))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "strict-origin-when-cross-origin")
	if a.form {
		h.Set("Content-Security-Policy", policyOf("'none'", nil, FramesOff))
		h.Set("X-Frame-Options", "DENY")
		// With no-referrer, a browser says that its form is of the origin null, and over http it says nothing else.
		h.Set("Referrer-Policy", "same-origin")
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(body)
	return nil
}

// policy returns the page's Content-Security-Policy (CSP Level 3). Only the server's own scripts and styles run, whatever
// a post contains. If players are shown, their frames may be of any https site: a page stays open while posts with other
// players come in. Which sites may have a player is decided when a page is looked up.
func policy(transports []Transport, frames Frames) string {
	return policyOf("'self'", transports, frames)
}

// policyOf is policy for a page that ancestors may show in a frame.
func policyOf(ancestors string, transports []Transport, frames Frames) string {
	frame := ""
	if frames.on() {
		frame = "; frame-src 'self' https:"
	}
	return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https: http: data:; " +
		"media-src 'self' https: http:; font-src 'self'; connect-src " + strings.Join(connected(transports), " ") + frame +
		"; form-action 'self'; base-uri 'none'; frame-ancestors " + ancestors
}

// connected returns the sources to which scripts of a page with these transports connect, without a repeat.
func connected(transports []Transport) []string {
	connect := []string{"'self'"}
	for _, t := range transports {
		for _, at := range append([]string{t.URL}, t.Connect...) {
			for _, origin := range origins(at) {
				if !slices.Contains(connect, origin) {
					connect = append(connect, origin)
				}
			}
		}
	}
	return connect
}

// origins returns those of a URL for HTTP and WebSocket, which may be of either. A URL without a host has none.
func origins(at string) []string {
	u, err := url.Parse(at)
	if err != nil || u.Host == "" {
		return nil
	}
	scheme := strings.Replace(u.Scheme, "ws", "http", 1)
	return []string{scheme + "://" + u.Host, strings.Replace(scheme, "http", "ws", 1) + "://" + u.Host}
}

// errorView is the data of error.html and token.html.
type errorView struct {
	view

	Status int
	Text   string
	Next   string // where to go after signing in
	SignIn string // the URL of the page for signing in; empty means none
}

// refuse answers an error as a page.
func (p *Page) refuse(w http.ResponseWriter, r *http.Request, err error) {
	p.refuseAt(w, r, p.requested(r), err)
}

// refuseAt is refuse for a page at a path of this site.
func (p *Page) refuseAt(w http.ResponseWriter, r *http.Request, here string, err error) {
	status := route.ProblemOf(err).Status
	if status == http.StatusInternalServerError && r.Context().Err() == nil { // otherwise the reader has left
		p.o.Failed(r, err)
	}
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", strconv.Itoa(int(route.RetryAfter.Seconds())))
	}
	if status == http.StatusUnauthorized {
		status = http.StatusForbidden // at 401 a browser asks for a name and a password
	}
	p.failAt(w, r, here, status, reasons[status])
}

// NotFound answers a request for a path that does not exist. A browser gets a page. Any other client, and any request below
// /api/ of the site, gets a problem document.
func (p *Page) NotFound(w http.ResponseWriter, r *http.Request) {
	err := fmt.Errorf("there is nothing at this path: %w", motacilla.ErrNotFound)
	api := strings.HasPrefix(strings.TrimPrefix(r.URL.Path, p.o.Base), "/api/")
	if navigates(r) && !api {
		p.refuse(w, r, err)
		return
	}
	route.WriteError(w, r, err)
}

// reason is why a page is not shown: keys of words. Either may be empty.
type reason struct{ title, text string }

// reasons has the reason of each status that readers meet. Other statuses show failed_title.
var reasons = map[int]reason{
	http.StatusBadRequest:          {"address_title", "address_text"},
	http.StatusForbidden:           {"private_title", "private_denied"},
	http.StatusNotFound:            {"missing_title", "missing_text"},
	http.StatusMethodNotAllowed:    {"method_title", ""},
	http.StatusTooManyRequests:     {"busy_title", "unavailable_text"},
	http.StatusInternalServerError: {"failed_title", "failed_text"},
	http.StatusServiceUnavailable:  {"unavailable_title", "unavailable_text"},
}

var badForm = reason{"form_title", "form_text"}

func (p *Page) fail(w http.ResponseWriter, r *http.Request, status int, why reason) {
	p.failAt(w, r, p.requested(r), status, why)
}

func (p *Page) failAt(w http.ResponseWriter, r *http.Request, here string, status int, why reason) {
	e, err := p.o.Look.edition()
	if err != nil {
		showBroken(w, err)
		return
	}
	name := "error.html"
	form := why == badForm // whoever signs in can send it no better
	if status == http.StatusForbidden && p.takesTokens() && !p.o.NoChannels && !form {
		name, why.text = "token.html", "private_enter"
		if r.Method == http.MethodPost && r.PostForm != nil { // signing in has read the form
			why.text, here = "private_wrong", p.local(r.PostForm.Get("next"))
		}
	}
	link := ""
	if status == http.StatusForbidden && p.o.SignInURL != "" && !form {
		link, why.text = p.signInLink(here), ""
	}
	if why.title == "" {
		why.title = "failed_title"
	}
	l := e.spoken.at(strings.TrimPrefix(here, p.o.Base))
	v := errorView{p.view(e, l, "error", l.Words[why.title]), status, l.Words[why.text], "", link}
	if name == "token.html" {
		v.Kind, v.Next = "sign-in", here
	}
	if err := e.write(w, r, answer{at: p.place(), template: name, data: v, status: status, cache: "no-store"}); err != nil {
		p.o.Failed(r, err)
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
	}
}

// signInLink returns the URL of the page for signing in, from which the reader returns to next.
func (p *Page) signInLink(next string) string {
	u, err := url.Parse(p.o.SignInURL)
	if err != nil {
		return ""
	}
	q := u.Query()
	q.Set("next", next)
	u.RawQuery = q.Encode()
	return u.String()
}

// requested returns the path and query of the request as the browser has them: a proxy may have removed the base path.
func (p *Page) requested(r *http.Request) string {
	ch := r.PathValue("channel_id")
	if p.o.Base == "" || ch == "" {
		return r.URL.RequestURI()
	}
	u := url.URL{Path: p.o.Base + "/channels/" + ch, RawQuery: r.URL.RawQuery}
	return u.RequestURI()
}
