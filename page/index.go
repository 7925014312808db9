package page

import (
	"net/http"

	"github.com/motacilla-live/motacilla"
)

// indexView is the data of index.html.
type indexView struct {
	view

	Channels []motacilla.Channel
	Next     string // for the link to more channels; empty if there are none
}

// indexSize is how many channels the index has on a page.
const indexSize = 100

// index lists the public channels, by ID.
func (p *Page) index(w http.ResponseWriter, r *http.Request, e *edition) error {
	var after motacilla.ChannelID
	if s := r.URL.Query().Get("after"); s != "" {
		var err error
		if after, err = p.o.Listing.After(s); err != nil {
			return err
		}
	}
	public := func(c motacilla.Channel) (bool, error) { return c.Access == motacilla.Public, nil }
	channels, next, err := p.o.Listing.Page(r.Context(), p.src.Channels, after, indexSize, public)
	if err != nil {
		return err
	}
	for i, c := range channels {
		if c.Title == "" {
			channels[i].Title = string(c.ID)
		}
	}
	data := indexView{p.view(e, e.spoken.site, "index", p.o.Name), channels, next}
	return e.write(w, r, answer{at: p.place(), template: "index.html", data: data, status: http.StatusOK, cache: "no-cache"})
}
