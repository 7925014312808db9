package pusher

import (
	_ "embed" // for openapi.json
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/route"
)

// openAPI describes the route.
//
//go:embed openapi.json
var openAPI []byte

// authority answers readers who want to subscribe to private channels. A client of Pusher posts the ID of its connection and the
// name of the channel as a form, and sends the answer on to the hub.
type authority struct {
	app  *App
	feed *publisher.Feed
}

// maxForm is the most bytes that a request's form may have.
const maxForm = 4 << 10

var socketIDs = regexp.MustCompile(`^[0-9]{1,20}\.[0-9]{1,20}$`)

func (a *authority) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !route.Allow(w, r, http.MethodPost) {
		return
	}
	auth, err := a.authorize(w, r)
	if err != nil {
		route.WriteError(w, r, err)
		return
	}
	body, err := json.Marshal(map[string]string{"auth": auth})
	if err != nil {
		route.WriteError(w, r, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	_, _ = w.Write(body)
}

// authorize returns the token. The reader must be permitted to read the channel, also if it does not exist.
func (a *authority) authorize(w http.ResponseWriter, r *http.Request) (string, error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return "", fmt.Errorf("the form can't be read: %w", motacilla.ErrInvalid)
	}
	socket := r.PostForm.Get("socket_id")
	if !socketIDs.MatchString(socket) {
		return "", motacilla.Invalid("socket_id", "must be that of a connection to the hub, such as 1234.5678")
	}
	ch, err := a.app.parse(r.PostForm.Get("channel_name"), r.PostForm.Get("channel_id"))
	if err != nil {
		return "", err
	}
	permitted, err := route.Permit(r, ch)
	if err != nil {
		return "", err
	}
	c, err := a.feed.Channel(r.Context(), ch)
	if err != nil {
		return "", err
	}
	if _, err := a.feed.Readable(permitted, ch, c.Head); err != nil {
		return "", err
	}
	return a.app.Authorize(socket, ch), nil
}
