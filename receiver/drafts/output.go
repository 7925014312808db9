package drafts

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/byline"
	"github.com/motacilla-live/motacilla/internal/drafted"
	"github.com/motacilla-live/motacilla/internal/rest"
)

// draftJSON is a draft as REST has it.
type draftJSON struct {
	ID       motacilla.PostID    `json:"id"`
	Channel  motacilla.ChannelID `json:"channel"`
	State    State               `json:"state"`
	By       byline.Person       `json:"by"`
	Approved *byline.Person      `json:"approved_by"`
	At       *string             `json:"at"`
	Note     string              `json:"note"`
	Post     *motacilla.PostID   `json:"post"`
	Edits    *motacilla.PostID   `json:"edits"`
	Base     *motacilla.Revision `json:"base"`
	Author   string              `json:"author"`
	Pinned   bool                `json:"pinned"`
	KeyEvent bool                `json:"key_event"`
	Created  *string             `json:"created"`
	Content  []motacilla.Block   `json:"content"`
	Drafted  string              `json:"drafted"`
	Modified string              `json:"modified"`
}

func encode(d draft) draftJSON {
	return draftJSON{
		d.id, d.channel, d.State, d.By, some(d.Approved), stamp(d.At), d.Note, some(d.Post), some(d.Edits), some(d.Base),
		d.Author, d.Pinned, d.KeyEvent, stamp(d.Created), d.content, motacilla.FormatTime(d.Drafted), motacilla.FormatTime(d.Modified),
	}
}

// stamp returns a time as JSON has it; nil if it is zero.
func stamp(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	s := motacilla.FormatTime(t)
	return &s
}

// some returns v, or nil if it is zero.
func some[T comparable](v T) *T {
	if v == *new(T) {
		return nil
	}
	return &v
}

func write(w http.ResponseWriter, status int, d draft) error {
	w.Header().Set("ETag", etag(d))
	return rest.Write(w, status, encode(d))
}

type draftsJSON struct {
	Drafts []draftJSON `json:"drafts"`
	Next   *string     `json:"next"`
}

const (
	maxLimit = 100
	mostRead = 1000 // records that are read for one page
)

// list answers with drafts, the oldest first. A page may have fewer than there are: next says where to go on.
func (d *Drafts) list(w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID) error {
	after, limit, wanted, err := page(r)
	if err != nil {
		return err
	}
	v, err := d.visitor(r, ch)
	if err != nil {
		return err
	}
	out, prefix := draftsJSON{Drafts: []draftJSON{}}, string(ch)+"/"
	if after != "" {
		after = prefix + after
	}
	for read := 0; ; {
		records, err := d.records.List(r.Context(), drafted.Namespace, prefix, after, maxLimit)
		if err != nil {
			return err
		}
		for _, record := range records {
			if len(out.Drafts) == limit || read == mostRead {
				next := strings.TrimPrefix(after, prefix)
				out.Next = &next
				return rest.Write(w, http.StatusOK, out)
			}
			read++
			after = record.Key
			one, err := parse(record)
			if err != nil {
				return err
			}
			if v.sees(one) && (len(wanted) == 0 || slices.Contains(wanted, one.State)) {
				out.Drafts = append(out.Drafts, encode(one))
			}
		}
		if len(records) < maxLimit {
			return rest.Write(w, http.StatusOK, out)
		}
	}
}

// page reads the parameters of a list. No states are all.
func page(r *http.Request) (after string, limit int, wanted []State, err error) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return "", 0, nil, motacilla.Invalid("query", "must be percent-encoded")
	}
	for _, name := range []string{"after", "limit"} {
		if len(q[name]) > 1 {
			return "", 0, nil, motacilla.Invalid(name, "must be given at most once")
		}
	}
	limit = motacilla.DefaultLimit
	if s := q.Get("limit"); q.Has("limit") {
		n, err := strconv.ParseUint(s, 10, 16)
		if err != nil || n < 1 || n > maxLimit || s[0] == '0' {
			return "", 0, nil, motacilla.Invalid("limit", "must be 1 to %d", maxLimit)
		}
		limit = int(n)
	}
	if q.Has("after") {
		id, err := motacilla.ParsePostID(q.Get("after"))
		if err != nil {
			return "", 0, nil, motacilla.Invalid("after", `must be the "next" of an earlier answer`)
		}
		after = string(id)
	}
	for _, s := range q["state"] {
		if !slices.Contains(states, State(s)) {
			return "", 0, nil, motacilla.Invalid("state", "must be draft, submitted, returned, scheduled, publishing or published")
		}
		wanted = append(wanted, State(s))
	}
	return after, limit, wanted, nil
}
