package receivertest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage"
)

// wire is a very small receiver. fault names a fault that the suite must find.
type wire struct {
	sink  receiver.Sink
	in    *receiver.Ingest
	fault string
	names int
}

func (x *wire) URLs() []route.Route {
	if x.fault == "impure" {
		x.names++
	}
	return []route.Route{{Name: fmt.Sprint("wire", x.names), Pattern: "/wire", Handler: http.HandlerFunc(x.serve)}}
}

func (x *wire) serve(w http.ResponseWriter, r *http.Request) {
	if err := x.accept(r); err != nil {
		route.WriteError(w, r, err)
	}
}

func (x *wire) accept(r *http.Request) error {
	var d Delivery
	if err := json.NewDecoder(r.Body).Decode(&d); err != nil {
		if x.fault == "tolerant" {
			_, _ = storage.EditChannel(r.Context(), x.sink, home, func(c *motacilla.Channel) error { c.Title = "?"; return nil })
		}
		return motacilla.Invalid("body", "must be JSON")
	}
	err := x.take(r.Context(), r.Method, d)
	switch {
	case x.fault == "acknowledging", x.fault == "impassive" && errors.Is(err, motacilla.ErrOverloaded),
		errors.Is(err, motacilla.ErrNotFound), errors.Is(err, motacilla.ErrDeleted):
		return nil // the source need not deliver it again
	}
	return err
}

// puller is a wire that is not called: it looks at a source of its own.
type puller struct {
	*wire
	source chan *http.Request
	look   chan chan error
	stop   chan struct{}
	done   sync.WaitGroup
}

func (x *puller) URLs() []route.Route {
	if x.fault == "impure" {
		return x.wire.URLs()
	}
	return nil
}

func (x *puller) Start(context.Context) error {
	x.done.Go(func() {
		for {
			select {
			case looked := <-x.look:
				looked <- x.accept(<-x.source)
			case <-x.stop:
				return
			}
		}
	})
	return nil
}

func (x *puller) Shutdown(context.Context) error {
	close(x.stop)
	x.done.Wait()
	return nil
}

// pulled is the source of a puller.
func pulled(fault string) Source {
	s := source(fault)
	called := s.New
	s.New = func(tb testing.TB, kit *receiver.Kit) receiver.Receiver {
		return &puller{wire: called(tb, kit).(*wire), source: make(chan *http.Request, 1000), look: make(chan chan error),
			stop: make(chan struct{})}
	}
	s.Deliver = func(r receiver.Receiver, req *http.Request) (int, error) {
		x := r.(*puller)
		x.source <- req
		looked := make(chan error)
		x.look <- looked
		if err := <-looked; err != nil {
			return route.ProblemOf(err).Status, nil
		}
		return http.StatusOK, nil
	}
	return s
}

func (x *wire) take(ctx context.Context, method string, d Delivery) error {
	id := fmt.Sprint("m", d.Message)
	version := int64(d.Version)
	m := receiver.Message{ID: id, Version: version, Author: d.Author, Text: d.Text}
	switch x.fault {
	case "forgetful":
		m.ID = fmt.Sprint(d.Message, ".", motacilla.NewPostID(d.Post.Created))
	case "merging":
		m.ID = d.Text
	case "unversioned":
		version = 0
	case "generous":
		_, _ = x.sink.PutChannel(ctx, motacilla.Channel{ID: d.Channel}, 0)
	}
	switch method {
	case http.MethodPost:
		if x.fault == "raw" {
			_, err := x.sink.PutPost(ctx, d.Channel, motacilla.Post{MessageID: id, Source: "wire", Show: true,
				Content: []motacilla.Block{motacilla.Text(motacilla.TrustedHTML(d.Text))}}, 0)
			return err
		}
		_, _, err := x.in.Post(ctx, d.Channel, m)
		if errors.Is(err, motacilla.ErrDeleted) && x.fault == "reviving" {
			m.ID += "again"
			_, _, err = x.in.Post(ctx, d.Channel, m)
		}
		return err
	case http.MethodPut:
		if x.fault == "doubling" {
			m.ID += "edited"
			_, _, err := x.in.Post(ctx, d.Channel, m)
			return err
		}
		if d.Post.ID == "" && x.fault != "impatient" {
			_, err := x.in.Put(ctx, d.Channel, m)
			return err
		}
		_, err := x.in.Edit(ctx, d.Channel, id, version, func(p *motacilla.Post) error {
			p.Content = []motacilla.Block{motacilla.Text(motacilla.TrustedHTML(d.Text))}
			if x.fault == "restless" {
				p.SourceVersion, p.Pinned = 0, !p.Pinned
			}
			return nil
		})
		return err
	default:
		if x.fault == "hasty" {
			return x.in.Remove(ctx, d.Channel, id)
		}
		return x.in.Withdraw(ctx, d.Channel, id)
	}
}

func source(fault string) Source {
	request := func(method string) func(string, Delivery) (*http.Request, error) {
		return func(base string, d Delivery) (*http.Request, error) {
			d.Post.Content = nil // sanitised HTML can't be decoded
			body, err := json.Marshal(d)
			if err != nil {
				return nil, err
			}
			return http.NewRequest(method, base+"/wire", strings.NewReader(string(body)))
		}
	}
	return Source{
		New: func(_ testing.TB, kit *receiver.Kit) receiver.Receiver {
			return &wire{sink: kit.Sink, in: receiver.NewIngest(kit.Sink, "wire", nil), fault: fault}
		},
		Post: request(http.MethodPost), Edit: request(http.MethodPut), Remove: request(http.MethodDelete),
		Bad: func(base string, _ Delivery) ([]*http.Request, error) {
			r, err := http.NewRequest(http.MethodPost, base+"/wire", strings.NewReader("{"))
			return []*http.Request{r}, err
		},
	}
}

func TestSoundReceiverPasses(t *testing.T) {
	t.Run("called", func(t *testing.T) { Run(t, source("")) })
	t.Run("pulling", func(t *testing.T) { Run(t, pulled("")) })
}

func TestSuiteFindsEachFault(t *testing.T) {
	for fault, rule := range map[string]string{
		"impure":        "URLsIsPure",
		"forgetful":     "PostIsStoredOnce",
		"merging":       "MessagesAreKeptApart",
		"doubling":      "EditReplacesInPlace",
		"unversioned":   "OlderVersionNeverOverwrites",
		"restless":      "EditRepeatedChangesNothing",
		"reviving":      "RemovedMessageStaysRemoved",
		"impatient":     "EditBeforeItsMessage",
		"hasty":         "RemovalBeforeItsMessage",
		"generous":      "UnknownChannelIsNotMade",
		"tolerant":      "BadInputChangesNothing",
		"raw":           "ScriptNeverSurvives",
		"acknowledging": "OutageIsNotAcknowledged",
		"impassive":     "OverloadIsNotAcknowledged",
	} {
		t.Run(fault, func(t *testing.T) {
			for _, c := range checks() {
				if c.name == rule && !fails(t, c, source(fault)) {
					t.Errorf("%s passes a receiver that is %s", rule, fault)
				}
				if c.name == rule && !fails(t, c, pulled(fault)) {
					t.Errorf("%s passes a receiver that pulls and is %s", rule, fault)
				}
			}
		})
	}
	t.Run("concurrency", func(t *testing.T) {
		for _, c := range checks() {
			if c.name != "ConcurrentDeliveryMakesOnePost" {
				continue
			}
			if !fails(t, c, source("forgetful")) || !fails(t, c, pulled("forgetful")) {
				t.Error("the suite passes a receiver that makes fifty posts of one message")
			}
		}
	})
}

// recorder is a TB that only records failures.
type recorder struct {
	testing.TB
	mu     sync.Mutex
	failed []string
}

func (r *recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed = append(r.failed, fmt.Sprintf(format, args...))
}

func (r *recorder) Error(args ...any) { r.Errorf("%s", fmt.Sprint(args...)) }

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

func (r *recorder) Fatal(args ...any) { r.Fatalf("%s", fmt.Sprint(args...)) }

func fails(t *testing.T, c check, s Source) bool {
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.run(r, newRig(r, s))
	}()
	<-done
	return len(r.failed) > 0
}
