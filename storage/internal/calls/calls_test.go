package calls

import (
	"context"
	"errors"
	"testing"

	"github.com/motacilla-live/motacilla"
)

func TestGate(t *testing.T) {
	var g Gate
	if err := g.Begin(t.Context()); err != nil || !g.Open() {
		t.Fatalf("begin: %v, open %v", err, g.Open())
	}
	if !g.Shut() || g.Shut() || g.Open() {
		t.Error("it is not shut once and for all")
	}
	if err := g.Begin(t.Context()); !errors.Is(err, motacilla.ErrClosed) {
		t.Errorf("begin once shut: %v", err)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := g.Begin(over); !errors.Is(err, context.Canceled) {
		t.Errorf("begin for a caller who has left: %v", err)
	}
	if g.While(func() { t.Error("done while shut") }) {
		t.Error("While says that it did something")
	}
	g.Add() // by the call that is under way
	g.Done()
	waited := make(chan struct{})
	go func() {
		g.Wait()
		close(waited)
	}()
	select {
	case <-waited:
		t.Error("nobody waits for the call that is under way")
	default:
	}
	g.Done()
	<-waited
}

func TestSaid(t *testing.T) {
	if err := Said(nil, "update"); err != nil {
		t.Errorf("no error: %v", err)
	}
	err := Said(motacilla.ErrNotFound, "update %d", 1)
	if !errors.Is(err, motacilla.ErrNotFound) || err.Error() != "update 1: "+motacilla.ErrNotFound.Error() {
		t.Errorf("error is %v", err)
	}
}
