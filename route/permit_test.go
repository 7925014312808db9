package route

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/motacilla-live/motacilla"
)

// The hook gets the request for each channel of it. The header is not copied for each.
func TestPermitSharesTheHeader(t *testing.T) {
	hook := func(r *http.Request, ch motacilla.ChannelID, _ Action) (Grant, error) {
		r.Header.Set("Saw", r.Header.Get("Saw")+r.PathValue("channel_id")) // against the rule
		return Grant{WhilePublic: ch == "a"}, nil
	}
	h := func(_ http.ResponseWriter, r *http.Request) {
		r.SetPathValue("other", "value")
		a, errA := Permit(r, "a")
		b, errB := Permit(r, "b")
		if errA != nil || errB != nil || a.PathValue("channel_id") != "a" || b.PathValue("channel_id") != "b" ||
			b.PathValue("other") != "value" || r.PathValue("channel_id") != "" {
			t.Errorf("got %v (%v) and %v (%v)", a, errA, b, errB)
		}
		if !GrantOf(a).WhilePublic || GrantOf(b).WhilePublic {
			t.Errorf("the grants are %v and %v", GrantOf(a), GrantOf(b))
		}
		if saw := r.Header.Get("Saw"); saw != "ab" {
			t.Errorf("the hook has changed copies of the header; r has %q", saw)
		}
	}
	Guard(Route{Many: true, Handler: http.HandlerFunc(h)}, Read, hook).Handler.ServeHTTP(
		httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
}
