package route_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/motacilla-live/motacilla/route"
)

// A Holder knows whether anything waits for its revocation, under all its names.
func TestHolder(t *testing.T) {
	h, revoke := route.NewHolder("session/1", "person/anna", "Anna")
	renamed := h.Renamed("person/anna", "Anne")
	if h.Watched() || h.Revoked() || !h.Revocable() || renamed.ID != h.ID || renamed.Name != "Anne" || h.Name != "Anna" {
		t.Errorf("at first: %+v, %+v", h, renamed)
	}
	stop := h.OnRevoke(func() { t.Error("it was stopped") })
	ended := make(chan string, 2)
	renamed.OnRevoke(func() { ended <- "one" })
	if !h.Watched() || !renamed.Watched() || !stop() || stop() || !h.Watched() {
		t.Error("it is not watched")
	}
	revoke()
	revoke()
	<-ended
	h.OnRevoke(func() { ended <- "late" })
	if <-ended != "late" || !h.Revoked() || !renamed.Revoked() || h.Watched() {
		t.Error("it is not revoked")
	}
	if id, is := h.Person(); id != "anna" || !is {
		t.Errorf("the person %q", id)
	}
	var none *route.Holder
	for _, fixed := range []*route.Holder{none, {ID: "server", Who: "server"}} {
		if stop := fixed.OnRevoke(func() { t.Error("it can't be revoked") }); fixed.Revocable() || fixed.Revoked() || fixed.Watched() || !stop() {
			t.Errorf("%+v can be revoked", fixed)
		}
		if _, is := fixed.Person(); is {
			t.Errorf("%+v is a person", fixed)
		}
	}
}

func TestTentative(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	if route.IsTentative(r) || !route.IsTentative(route.Tentative(r)) || route.IsTentative(r) {
		t.Error("a request is tentative that is not, or the other way round")
	}
}
