package access

import (
	"context"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/rest"
)

const (
	auditPage = 100  // events of a page, if the request does not say
	mostAudit = 1000 // events of a page
	jsonLines = "application/x-ndjson"
)

// eventJSON is an event as REST has it.
type eventJSON struct {
	Time    string              `json:"time"`
	Who     string              `json:"who,omitzero"`
	Name    string              `json:"name,omitzero"`
	Address string              `json:"address,omitzero"`
	Action  string              `json:"action"`
	Channel motacilla.ChannelID `json:"channel,omitzero"`
	Method  string              `json:"method,omitzero"`
	Path    string              `json:"path,omitzero"`
	Status  int                 `json:"status,omitzero"`
	Refused string              `json:"refused,omitzero"`
	Detail  string              `json:"detail,omitzero"`
	Count   int                 `json:"count,omitzero"`
}

func encodeEvent(e Event) eventJSON {
	return eventJSON{
		motacilla.FormatTime(e.Time), valid(e.Who), valid(e.Name), e.Address, valid(e.Action), e.Channel, valid(e.Method), valid(e.Path),
		e.Status, valid(e.Refused), valid(e.Detail), e.Count,
	}
}

// valid returns s as JSON can have it.
func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

func (a *Access) listAudit(w http.ResponseWriter, r *http.Request, _ motacilla.ChannelID) error {
	q, err := query(r, "after", "limit", "format")
	if err != nil {
		return err
	}
	after, limit := q.Get("after"), auditPage
	if after != "" && !auditPlace.MatchString(after) {
		return motacilla.Invalid("after", `must be the "next" of an earlier answer`)
	}
	if q.Has("limit") {
		n, err := strconv.ParseUint(q.Get("limit"), 10, 16)
		if err != nil || n < 1 || n > mostAudit {
			return motacilla.Invalid("limit", "must be 1 to %d", mostAudit)
		}
		limit = int(n)
	}
	w.Header().Add("Vary", "Accept")
	switch format := q.Get("format"); {
	case format == "jsonl", format == "" && accepts(r, jsonLines):
		return a.exportAudit(w, r, after)
	case format != "" && format != "json":
		return motacilla.Invalid("format", "must be json or jsonl")
	}
	events, next, err := a.kit.Audit(r.Context(), after, limit)
	if err != nil {
		return err
	}
	page := struct {
		Events []eventJSON `json:"events"`
		Next   *string     `json:"next"`
	}{Events: []eventJSON{}}
	for _, e := range events {
		page.Events = append(page.Events, encodeEvent(e))
	}
	if next != "" {
		page.Next = &next
	}
	return rest.Write(w, http.StatusOK, page)
}

// accepts reports whether a request names the type in its Accept header.
func accepts(r *http.Request, kind string) bool {
	for _, part := range strings.Split(r.Header.Get("Accept"), ",") {
		if media, _, err := mime.ParseMediaType(part); err == nil && media == kind {
			return true
		}
	}
	return false
}

// exportWait is how long a client may take for a part of an export.
const exportWait = time.Minute

// exportAudit answers with all events after a place, one on each line. If the log can't be read to its end, the answer breaks off, so
// that nobody takes it for whole.
func (a *Access) exportAudit(w http.ResponseWriter, r *http.Request, after string) error {
	control := http.NewResponseController(w)
	defer func() { _ = control.SetWriteDeadline(time.Time{}) }()
	for begun := false; ; begun = true {
		events, next, err := a.kit.Audit(r.Context(), after, mostAudit)
		switch {
		case err != nil && begun:
			a.kit.o.Logger.Warn("an export of the audit log broke off")
			panic(http.ErrAbortHandler)
		case err != nil:
			return err
		case !begun:
			rest.Private(w.Header())
			w.Header().Set("Content-Type", jsonLines+"; charset=utf-8")
			w.Header().Set("Content-Disposition", `attachment; filename="audit.jsonl"`)
			w.Header().Set("X-Content-Type-Options", "nosniff")
			w.WriteHeader(http.StatusOK)
		}
		_ = control.SetWriteDeadline(time.Now().Add(exportWait)) // not every server has deadlines
		if writeLines(r.Context(), w, events) != nil || next == "" {
			return nil // the client may have gone
		}
		_ = control.Flush()
		after = next
	}
}

func writeLines(ctx context.Context, w http.ResponseWriter, events []Event) error {
	var lines []byte
	for _, e := range events {
		line, err := json.Marshal(encodeEvent(e))
		if err != nil {
			return err
		}
		lines = append(append(lines, line...), '\n')
	}
	if _, err := w.Write(lines); err != nil {
		return err
	}
	return ctx.Err()
}
