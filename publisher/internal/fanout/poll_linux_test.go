package fanout

import (
	"runtime"
	"sync"
	"syscall"
	"testing"
)

// A reader whose peer sends without end is read on once in each round, however many events come for it. The engine's own goroutines do not
// run here, so that the test makes the rounds.
func TestFloodIsReadOnOnceInEachRound(t *testing.T) {
	rig := newRig(t, Options{})
	s, err := newShard(rig.engine, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	topic := &Topic{engine: rig.engine, protocol: &rig.speech, Delivered: &rig.delivered}
	topic.table.Store(rig.topic.table.Load())
	topic.parts = []*part{{topic: topic, shard: s}}
	server, client := rig.pair()
	r, err := topic.newReader(server, Join{})
	if err != nil {
		t.Fatal(err)
	}
	if err := topic.parts[0].join(r, nil, nil); err != nil {
		t.Fatal(err)
	}
	var flood sync.WaitGroup
	defer flood.Wait()
	defer func() { _ = client.Close() }()
	flood.Go(func() {
		b := make([]byte, 1<<20)
		for err := error(nil); err == nil; {
			_, err = client.Write(b)
		}
	})
	var again []*Reader
	most := 0
	for carried := 0; carried < 100; {
		again = s.round([]syscall.EpollEvent{{Events: syscall.EPOLLIN, Fd: r.fd}}, again)
		if len(again) > 0 {
			carried++
		} else {
			runtime.Gosched() // the peer has sent too little
		}
		most = max(most, len(again))
	}
	if most > 1 {
		t.Errorf("a reader is to be read on %d times in one round", most)
	}
}
