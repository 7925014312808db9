package page

import (
	"bytes"
	"errors"
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
	page       string
	data       any
	status     int
	tag        string // the ETag; empty means none
	cache      string
	transports []Transport
}

// write writes a page, or 304 if the browser has it.
func (p *Page) write(w http.ResponseWriter, r *http.Request, a answer) error {
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
	var buf bytes.Buffer
	if err := p.pages.ExecuteTemplate(&buf, a.page, a.data); err != nil {
		h.Del("ETag")
		return err
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(buf.Len()))
	h.Set("Content-Security-Policy", policy(a.transports))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "strict-origin-when-cross-origin")
	w.WriteHeader(a.status)
	_, _ = w.Write(buf.Bytes())
	return nil
}

// policy returns the page's Content-Security-Policy (CSP Level 3). Only the server's own scripts and styles run, whatever
// a post contains.
func policy(transports []Transport) string {
	connect := []string{"'self'"}
	for _, t := range transports {
		u, err := url.Parse(t.URL)
		if err != nil || u.Host == "" {
			continue
		}
		for _, origin := range []string{u.Scheme + "://" + u.Host, strings.Replace(u.Scheme, "http", "ws", 1) + "://" + u.Host} {
			if !slices.Contains(connect, origin) {
				connect = append(connect, origin)
			}
		}
	}
	return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https: http: data:; " +
		"media-src 'self' https: http:; font-src 'self'; connect-src " + strings.Join(connect, " ") +
		"; form-action 'self'; base-uri 'none'; frame-ancestors 'self'"
}

// errorPage is the data of error.html.
type errorPage struct {
	Site   string
	Status int
	Title  string
	Text   string
	SignIn bool
	Next   string
}

// refuse answers an error as a page.
func (p *Page) refuse(w http.ResponseWriter, r *http.Request, err error) {
	problem := route.ProblemOf(err)
	detail := ""
	if errors.Is(err, motacilla.ErrInvalid) {
		detail = problem.Detail
	}
	if problem.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", strconv.Itoa(int(route.RetryAfter.Seconds())))
	}
	status := problem.Status
	if status == http.StatusUnauthorized {
		status = http.StatusForbidden // at 401 a browser asks for a name and a password
	}
	p.fail(w, r, status, detail)
}

// NotFound answers a request for a path that does not exist. A browser gets a page. Any other client, and any request below
// /api/, gets a problem document.
func (p *Page) NotFound(w http.ResponseWriter, r *http.Request) {
	err := fmt.Errorf("there is nothing at this path: %w", motacilla.ErrNotFound)
	if strings.Contains(r.Header.Get("Accept"), "text/html") && !strings.HasPrefix(r.URL.Path, "/api/") {
		p.refuse(w, r, err)
		return
	}
	route.WriteError(w, r, err)
}

func (p *Page) fail(w http.ResponseWriter, r *http.Request, status int, detail string) {
	e := errorPage{Site: p.o.Name, Status: status, Title: http.StatusText(status), Text: detail}
	switch status {
	case http.StatusForbidden:
		e.Title, e.Text = "This page is private", "Enter the token that you were given to read it."
		e.SignIn, e.Next = p.o.SignIn != nil && !p.o.NoChannels, p.requested(r)
		if !e.SignIn {
			e.Text = "You may not read it."
		}
		if r.PostForm != nil { // only signing in reads the form
			e.Text, e.Next = "That is not the right token. Try again.", p.local(r.PostForm.Get("next"))
		}
	case http.StatusNotFound:
		e.Title, e.Text = "There is no such page", "It may have been taken down, or there is a mistake in the address."
	case http.StatusServiceUnavailable:
		e.Title, e.Text = "We can't show this page right now", "Please try again in a moment."
	case http.StatusBadRequest:
		e.Title = "There is a mistake in the address"
	case http.StatusInternalServerError:
		e.Title, e.Text = "Something went wrong", "It is not your fault. Please try again in a moment."
	}
	if err := p.write(w, r, answer{page: "error.html", data: e, status: status, cache: "no-store"}); err != nil {
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
	}
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
