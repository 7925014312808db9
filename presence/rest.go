package presence

import (
	_ "embed" // for openapi.json
	"net/http"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/rest"
)

// openAPI describes the routes, by their paths.
//
//go:embed openapi.json
var openAPI []byte

// described is read once.
var described = func() (paths map[string]jsontext.Value) {
	if err := json.Unmarshal(openAPI, &paths); err != nil {
		panic(err) // a test reads it too
	}
	return paths
}()

// readersJSON is an answer about readers.
type readersJSON struct {
	Now    int        `json:"now"`
	Most   int        `json:"most"`
	MostAt *string    `json:"most_at"`
	Nodes  []nodeJSON `json:"nodes"`
}

type nodeJSON struct {
	Node string `json:"node"`
	Now  int    `json:"now"`
}

// add adds a node, if it has readers.
func (a *readersJSON) add(n *node, readers int) {
	if readers > 0 {
		a.Now += readers
		a.Nodes = append(a.Nodes, nodeJSON{n.Name, readers})
	}
}

// settle sets what was the most. A record may lag behind what is now.
func (a *readersJSON) settle(was peakJSON, now time.Time) {
	if a.Now > was.Most {
		was = peakJSON{Most: a.Now, At: now.UnixMicro()}
	}
	if a.Most = was.Most; a.Most > 0 {
		at := motacilla.FormatTime(time.UnixMicro(was.At))
		a.MostAt = &at
	}
}

func (p *Presence) getAll(w http.ResponseWriter, r *http.Request, _ motacilla.ChannelID) error {
	nodes, err := p.nodes(r.Context())
	if err != nil {
		return err
	}
	most, _, err := p.peak(r.Context(), allKey)
	if err != nil {
		return err
	}
	a := readersJSON{Nodes: []nodeJSON{}}
	for _, n := range nodes {
		a.add(&n, n.Total)
	}
	a.settle(most, time.Now())
	return rest.Write(w, http.StatusOK, a)
}

func (p *Presence) getChannel(w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID) error {
	channel, err := p.source.Channel(r.Context(), ch)
	if err != nil {
		return err
	}
	nodes, err := p.nodes(r.Context())
	if err != nil {
		return err
	}
	most, _, err := p.peak(r.Context(), channelPrefix+string(ch))
	if err != nil {
		return err
	}
	if most.Created != channel.Created.UnixMicro() { // it is of a channel that was deleted
		most = peakJSON{}
	}
	a := readersJSON{Nodes: []nodeJSON{}}
	for _, n := range nodes {
		readers, err := p.readers(r.Context(), &n, ch)
		if err != nil {
			return err
		}
		a.add(&n, readers)
	}
	a.settle(most, time.Now())
	return rest.Write(w, http.StatusOK, a)
}
