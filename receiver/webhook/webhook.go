// Package webhook is the receiver for sources that call an address with a JSON document, such as a scoreboard, GitHub or an
// incident tool. A mapping in the configuration says how documents become posts, so a source needs no code.
//
// # Source
//
// One entry of receivers is one source. Its address is /hooks/NAME. A delivery must prove that it is the source's, as package
// verify has it. If it does not, it is answered with 401, and it is not parsed.
//
// The answer is 200 after everything is stored, or if there is nothing to store. It is 404 if there is no such channel, and 422 if
// the mapping can't be applied to the document; then nothing of it is stored. It is 503 if the store does not answer.
//
// # Repeats
//
// A part with an ID is one post, however often it is delivered. The source's name stands before the ID in the store, so no document
// touches the posts of another source. A version keeps an old delivery from overwriting a newer one.
// Without an ID, the same part is the same post.
//
// # Options
//
// [Options] has the mapping and the way of verification. Paths are JSONPath (RFC 9535), conditions are filters of JSONPath, and
// texts are templates of Go. In the text, values are escaped by html/template; then the whole text is sanitised. [NewMapping] reads
// a mapping, and [Mapping.Map] shows what a document would become. docs/webhooks.md explains each option.
//
// # Limits
//
// A document has at most max_body bytes (1 MiB), 100,000 values, 64 levels and 1,000 parts.
package webhook

import (
	"context"
	"net/http"

	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/receiver/verify"
	"github.com/motacilla-live/motacilla/route"
	"go.uber.org/zap"
)

// Name is the receiver's type in the configuration.
const Name = "webhook"

// Receiver is the receiver of one source.
type Receiver struct {
	*Intake
	hook receiver.Hook
}

var (
	_ receiver.Receiver = (*Receiver)(nil)
	_ receiver.Starter  = (*Receiver)(nil)
	_ receiver.Stopper  = (*Receiver)(nil)
	_ receiver.Sourced  = (*Receiver)(nil)
)

// New returns the receiver of one source. log may be nil. The error is an ErrInvalid that names the option.
func New(kit *receiver.Kit, o *Options, log *zap.Logger) (*Receiver, error) {
	in, err := NewIntake(kit, o, log)
	if err != nil {
		return nil, err
	}
	o = in.mapping.o
	check, err := o.verifier()
	if err != nil {
		return nil, err
	}
	r := &Receiver{Intake: in}
	r.hook = receiver.Hook{
		Receiver: o.Name, Verify: check, Handle: r.handle, MaxBody: int64(o.MaxBody), Metrics: kit.Metrics, Room: kit.Room, Logger: in.log,
	}
	return r, nil
}

func (r *Receiver) handle(ctx context.Context, q receiver.Request) (receiver.Answer, error) {
	return r.Take(ctx, q.Header, q.Body)
}

// URLs returns the source's address.
func (r *Receiver) URLs() []route.Route {
	address := "/hooks/" + r.mapping.o.Name
	if r.mapping.o.Verify == pathSecret {
		address += "/{" + route.Secret + "}"
		return []route.Route{{Name: "webhook-" + r.mapping.o.Name, Pattern: address, Handler: http.HandlerFunc(r.servePath)}}
	}
	return []route.Route{{Name: "webhook-" + r.mapping.o.Name, Pattern: address, Handler: &r.hook}}
}

// servePath serves an address that ends in the secret.
func (r *Receiver) servePath(w http.ResponseWriter, req *http.Request) {
	check, err := verify.Value("the path", req.PathValue(route.Secret), r.mapping.o.Secrets...)
	if err != nil { // unreachable: New has checked the secrets
		route.WriteError(w, req, err)
		return
	}
	hook := r.hook
	hook.Verify = check
	hook.ServeHTTP(w, req)
}
