package page

import (
	"net/http"

	"github.com/motacilla-live/motacilla"
)

type indexPage struct {
	Site     string
	Channels []motacilla.Channel
	Next     string
}

// indexSize is how many channels the index has on a page.
const indexSize = 100

// index lists the public channels, by ID.
func (p *Page) index(w http.ResponseWriter, r *http.Request) error {
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
	data := indexPage{Site: p.o.Name, Channels: channels, Next: next}
	return p.write(w, r, answer{page: "index.html", data: data, status: http.StatusOK, cache: "no-cache"})
}
