package certs

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap/zapcore"
	"golang.org/x/crypto/ocsp"
)

// TestStapling: answers are fetched and renewed. One that is bad or out of date is not sent.
func TestStapling(t *testing.T) {
	a := newAuthorityOfTest(t, 90*day)
	var status, asked atomic.Int64
	var ends atomic.Pointer[time.Time]
	responder := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		body, _ := io.ReadAll(r.Body)
		question, err := ocsp.ParseRequest(body)
		if err != nil || status.Load() < 0 {
			http.Error(w, "no", http.StatusBadRequest)
			return
		}
		answer, err := ocsp.CreateResponse(a.cert, a.cert, ocsp.Response{
			Status: int(status.Load()), SerialNumber: question.SerialNumber, ThisUpdate: time.Now().Add(-time.Hour), NextUpdate: *ends.Load(),
			RevokedAt: time.Now(),
		}, a.key)
		if err != nil {
			t.Error(err)
		}
		_, _ = w.Write(answer)
	}))
	defer responder.Close()
	a.ocsp = []string{responder.URL}
	for _, tt := range []struct {
		name   string
		status int64
		ends   time.Duration
		staple bool
	}{
		{"good", ocsp.Good, day, true},
		{"revoked", ocsp.Revoked, day, false},
		{"unknown", ocsp.Unknown, day, false},
		{"out of date", ocsp.Good, -time.Minute, false},
		{"no answer", -1, day, false},
	} {
		status.Store(tt.status)
		at := time.Now().Add(tt.ends)
		ends.Store(&at)
		log, seen := logs(zapcore.WarnLevel)
		table := NewTable()
		cert, err := parse(a.make("live.example.org"))
		if err != nil {
			t.Fatal(err)
		}
		table.Set(anyHost, cert)
		s := NewStapler(table, log)
		before := asked.Load()
		for range 3 {
			s.look(t.Context())
		}
		if (inUse(t, table).OCSPStaple != nil) != tt.staple || (seen.Len() == 0) != tt.staple || asked.Load()-before != 1 {
			t.Errorf("%s: %d bytes, %v, asked %d times", tt.name, len(inUse(t, table).OCSPStaple), seen.All(), asked.Load()-before)
		}
		if cert.OCSPStaple != nil {
			t.Error("a certificate in use was changed")
		}
		if !tt.staple {
			continue
		}
		for _, state := range s.states { // time passes, and the responder is gone
			state.next, state.ends = time.Now().Add(-time.Hour), time.Now().Add(-time.Minute)
		}
		status.Store(-1)
		s.look(t.Context())
		if inUse(t, table).OCSPStaple != nil {
			t.Error("an answer that is out of date is sent")
		}
	}
}
