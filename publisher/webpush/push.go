package webpush

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/motacilla-live/motacilla/outbound"
)

// outcome is what has become of a message to one reader.
type outcome struct {
	kind  outcomeKind
	after time.Duration // of later: how long the push service wants to be left alone
	err   error         // of later and refused
}

type outcomeKind int

const (
	sent    outcomeKind = iota
	later               // the push service can't take it now
	refused             // it does not take this message; another one perhaps
	ended               // the reader has ended its subscription
)

// pushTimeout is how long one message may take. A push service that is slower gets it later, so that it does not hold up the others.
const pushTimeout = 10 * time.Second

// mostPatient is the most that a Retry-After is heeded. The other readers of a page wait as long.
const mostPatient = 5 * time.Minute

// note is a message with what push services need to know of it (RFC 8030, section 5).
type note struct {
	payload []byte
	ttl     time.Duration // for so long a push service keeps it for a device that is away
	topic   string        // a device that was away gets the newest message of a topic alone; empty is none
	urgency string
}

// push sends a note to a reader.
func (p *Publisher) push(ctx context.Context, n note, to *Subscription) outcome {
	ctx, cancel := context.WithTimeout(ctx, p.patience)
	defer cancel()
	request, err := p.request(ctx, n, to)
	if err != nil {
		return outcome{refused, 0, err}
	}
	answer, err := p.client.Do(request)
	if errors.Is(err, outbound.ErrRefused) {
		return outcome{ended, 0, nil} // the name leads to an address that is not public
	}
	if err != nil {
		return outcome{later, 0, err}
	}
	defer answer.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(answer.Body, 200)) // the connection serves the next message; what is left out is long
	return judge(to, answer, said)
}

func judge(to *Subscription, answer *http.Response, said []byte) outcome {
	status := answer.StatusCode
	switch {
	case status >= 200 && status < 300:
		return outcome{sent, 0, nil}
	case status == http.StatusNotFound, status == http.StatusGone:
		return outcome{ended, 0, nil}
	}
	err := fmt.Errorf("%q answers %d: %q", to.endpoint.Hostname(), status, said)
	if status == http.StatusTooManyRequests || status == http.StatusRequestTimeout || status >= 500 {
		return outcome{later, min(outbound.RetryAfter(answer.Header, time.Now()), mostPatient), err}
	}
	return outcome{refused, 0, err}
}

func (p *Publisher) request(ctx context.Context, n note, to *Subscription) (*http.Request, error) {
	body, err := encrypt(to, n.payload)
	if err != nil {
		return nil, err
	}
	authorization, err := p.readers.Load().vapid.authorization(to.endpoint)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to.endpoint.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", authorization)
	r.Header.Set("Content-Type", "application/octet-stream")
	r.Header.Set("Content-Encoding", "aes128gcm")
	r.Header.Set("TTL", strconv.Itoa(int(n.ttl/time.Second)))
	r.Header.Set("Urgency", n.urgency)
	if n.topic != "" {
		r.Header.Set("Topic", n.topic)
	}
	return r, nil
}
