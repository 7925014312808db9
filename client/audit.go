package client

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"time"

	"github.com/motacilla-live/motacilla"
)

// AuditEvent is an entry of the audit log: a request that changed something or was refused, or somebody who signed in. Fields that do
// not apply are empty.
type AuditEvent struct {
	Time    time.Time           `json:"-"`
	Who     string              `json:"who,omitempty"` // the account
	Name    string              `json:"name,omitempty"`
	Address string              `json:"address,omitempty"` // of the network
	Action  string              `json:"action"`            // read, draft, write, manage, or another one, such as "sign in"
	Channel motacilla.ChannelID `json:"channel,omitempty"`
	Method  string              `json:"method,omitempty"`
	Path    string              `json:"path,omitempty"`
	Status  int                 `json:"status,omitempty"`
	Refused string              `json:"refused,omitempty"` // why it was refused
	Detail  string              `json:"detail,omitempty"`
	Count   int                 `json:"count,omitempty"` // of equal refusals within a second, if there were more than one
}

type auditJSON struct {
	Time *stamp `json:"time"`
	*bareAudit
}

type bareAudit AuditEvent

// MarshalJSON encodes e in the form of the wire.
func (e AuditEvent) MarshalJSON() ([]byte, error) {
	return plainJSON(auditJSON{stampOf(e.Time), (*bareAudit)(&e)})
}

// UnmarshalJSON decodes the form of the wire.
func (e *AuditEvent) UnmarshalJSON(data []byte) error {
	w := auditJSON{bareAudit: &bareAudit{}}
	if err := json.Unmarshal(data, &w); err != nil {
		return err
	}
	*e = AuditEvent(*w.bareAudit)
	e.Time = w.Time.time()
	return nil
}

// AuditPage is a page of the audit log, the newest event first.
type AuditPage struct {
	Events []AuditEvent `json:"events"`
	Next   string       `json:"next"` // where the next page begins; empty if this is the last one
}

// MaxAuditPage is the most that can be asked for as the limit of an [AuditPage].
const MaxAuditPage = 1000

// AuditPage returns about limit events, up to [MaxAuditPage]; there may be some more, or none although there is a Next. 0 means the
// server's default. after is the Next of the page before, or empty. It needs the role admin.
func (c *Client) AuditPage(ctx context.Context, after string, limit int) (AuditPage, error) {
	var page AuditPage
	r := &request{method: http.MethodGet, url: c.endpoint("api", "access", "audit")}
	r.url.RawQuery = listing("after", after, limit)
	err := c.call(ctx, r, &page)
	if err == nil && page.Events == nil {
		err = r.foreign("events is missing")
	}
	if err != nil {
		return AuditPage{}, fmt.Errorf("read the audit log: %w", err)
	}
	return page, nil
}

// Audit yields the whole audit log, the newest event first. It reads page by page. An error is the last pair.
func (c *Client) Audit(ctx context.Context) iter.Seq2[AuditEvent, error] {
	return pages(func(after string) ([]AuditEvent, string, error) {
		page, err := c.AuditPage(ctx, after, MaxAuditPage)
		return page.Events, page.Next, err
	})
}
