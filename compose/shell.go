package compose

import (
	"bytes"
	"embed"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/page"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/route"
)

//go:embed templates/shell.html
var templates embed.FS

var shellTemplate = template.Must(template.ParseFS(templates, "templates/shell.html"))

// config is what the page hands over to the program (client/config.ts).
type config struct {
	Base     string                       `json:"base"`
	Path     string                       `json:"path"` // with the base
	Site     string                       `json:"site"`
	Home     string                       `json:"home"`
	Lang     string                       `json:"lang"`
	Dir      string                       `json:"dir"`
	Words    map[string]string            `json:"words"`
	Plurals  map[string]map[string]string `json:"plurals"` // by key and plural category
	Styles   []string                     `json:"styles"`
	Account  string                       `json:"account"`
	SignIn   string                       `json:"signIn"`
	SignOut  string                       `json:"signOut"`
	People   bool                         `json:"people"`
	Images   bool                         `json:"images"`
	MaxImage int64                        `json:"maxImage"`
	Frames   page.Frames                  `json:"frames"`
	Undo     int64                        `json:"undo"` // milliseconds
}

type shellView struct {
	Config               config
	Title                string
	Icon, Styles, Script string // URLs
	NoScript             string
}

// shell answers with the page of the desk. Which channel the path names is the program's affair, but it must be an ID.
func (d *Desk) shell(w http.ResponseWriter, r *http.Request) {
	if !route.Allow(w, r, http.MethodGet, http.MethodHead) {
		return
	}
	s := d.pages.Setting()
	ch, err := d.channel(r)
	if err != nil {
		d.pages.RefuseAt(w, r, s.Base+d.path, err)
		return
	}
	here := d.here(s.Base, ch, r.URL.RawQuery)
	if !d.admit(w, r, ch, here) {
		return
	}
	var body bytes.Buffer
	if err := shellTemplate.Execute(&body, d.view(s)); err != nil {
		d.pages.RefuseAt(w, r, here, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(body.Len()))
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", policy(s))
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Referrer-Policy", "same-origin") // other sites are not told which channels there are
	_, _ = w.Write(body.Bytes())
}

// channel returns the channel that the path names, or "".
func (d *Desk) channel(r *http.Request) (motacilla.ChannelID, error) {
	if r.PathValue("channel_id") == "" {
		return "", nil
	}
	return route.ChannelID(r)
}

// here returns a path and query of the desk as the browser has them: a proxy may have removed the base path of the request.
func (d *Desk) here(base string, ch motacilla.ChannelID, query string) string {
	at := url.URL{Path: base + d.path, RawQuery: query}
	if ch != "" {
		at.Path += "/" + string(ch)
	}
	return at.RequestURI()
}

// admit reports whether whoever sends r may draft on the channel, or on some channel. Otherwise it has answered: who has not signed in
// is led to the page for signing in, and back.
func (d *Desk) admit(w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID, here string) bool {
	_, err := d.authorize(route.Tentative(r), ch, route.Draft)
	if err == nil {
		return true
	}
	w.Header().Add("Vary", "Cookie, Authorization")
	if signIn := d.pages.SignIn(here); signIn != "" && errors.Is(err, motacilla.ErrUnauthorized) {
		w.Header().Set("Cache-Control", "no-store")
		http.Redirect(w, r, signIn, http.StatusSeeOther)
		return false
	}
	if errors.Is(err, motacilla.ErrForbidden) {
		if _, err = d.authorize(r, ch, route.Draft); err == nil { // asked again, so that the refusal is noted
			return true
		}
	}
	d.pages.RefuseAt(w, r, here, err)
	return false
}

func (d *Desk) view(s page.Setting) shellView {
	at := s.Base + d.path
	file := func(name string) string { return at + "/assets/" + d.assets.hashed[name] }
	words, plurals := d.words.of(s.Language)
	c := config{
		Base: s.Base, Path: at, Site: s.Name, Home: s.Home, Lang: s.Language.Tag, Dir: s.Language.Direction, Words: words, Plurals: plurals,
		Styles: s.Styles, Account: d.account, SignOut: d.signOut, People: d.people, Frames: s.Frames,
		Undo: d.undo.Milliseconds(),
	}
	if u, err := url.Parse(d.pages.SignIn(at)); err == nil {
		q := u.Query()
		q.Del("next") // the program says where to come back to
		u.RawQuery = q.Encode()
		c.SignIn = u.String()
	}
	c.Images, c.MaxImage = imagesOf(d.kit.Images)
	return shellView{
		Config: c, Title: strings.ReplaceAll(words["title"], "{site}", s.Name), Icon: s.Icon, Styles: file("desk.css"), Script: file("desk.js"),
		NoScript: words["no_script"],
	}
}

// imagesOf reports whether the app keeps images, and the longest in bytes; 0 if it is not known.
func imagesOf(images receiver.Images) (kept bool, longest int64) {
	if images == nil || images == (receiver.NoImages{}) {
		return false, 0
	}
	if sized, ok := images.(interface{ MaxBytes() int64 }); ok {
		longest = sized.MaxBytes()
	}
	return true, longest
}

// policy returns the page's Content-Security-Policy. Images of the browser's own are shown before they are sent, as blob:. No site
// may show the desk in a frame, where it could make somebody press a button that they don't see.
func policy(s page.Setting) string {
	frame := ""
	if s.Frames == page.FramesAsk || s.Frames == page.FramesShow {
		frame = "; frame-src 'self' https:"
	}
	return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https: http: data: blob:; " +
		"media-src 'self' https: http:; font-src 'self'; connect-src " + strings.Join(s.Connect, " ") + frame +
		"; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
}
