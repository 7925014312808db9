package page

import (
	"net/http"

	"github.com/motacilla-live/motacilla"
)

type indexPage struct {
	Site     string
	Channels []motacilla.Channel
	Next     motacilla.ChannelID
}

const (
	indexSize = 100
	readAhead = 200 // channels in one reading, private ones among them
)

// index lists the public channels, by ID.
func (p *Page) index(w http.ResponseWriter, r *http.Request) error {
	data := indexPage{Site: p.o.Name}
	after := motacilla.ChannelID("")
	if s := r.URL.Query().Get("after"); s != "" {
		id, err := motacilla.ParseChannelID(s)
		if err != nil {
			return motacilla.Invalid("after", "must be a channel's ID")
		}
		after = id
	}
	for more := true; more && data.Next == ""; {
		list, err := p.src.Channels(r.Context(), after, readAhead)
		if err != nil {
			return err
		}
		more = len(list) == readAhead
		for _, ch := range list {
			after = ch.ID
			if ch.Access != motacilla.Public {
				continue
			}
			if len(data.Channels) == indexSize {
				data.Next = data.Channels[indexSize-1].ID
				break
			}
			if ch.Title == "" {
				ch.Title = string(ch.ID)
			}
			data.Channels = append(data.Channels, ch)
		}
	}
	return p.write(w, r, answer{page: "index.html", data: data, status: http.StatusOK, cache: "no-cache"})
}
