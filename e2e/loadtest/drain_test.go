//go:build linux

package loadtest

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/app/standard"
	"github.com/motacilla-live/motacilla/internal/leaktest"
	"github.com/motacilla-live/motacilla/internal/load"
	"github.com/motacilla-live/motacilla/storage"
	"go.uber.org/fx"
	"go.uber.org/goleak"
)

// TestDrain stops an app in this process while readers of every transport are connected. No goroutine must be left.
func TestDrain(t *testing.T) {
	const each = 300
	files(t, 2*each*uint64(len(streams))+500)
	plain.CloseIdleConnections()
	defer leaktest.None(t, goleak.IgnoreCurrent())
	var server *app.Server
	var store storage.Store
	a := app.New(standard.Module, fx.Populate(&server, &store), fx.Supply(&app.Input{Env: []string{}, YAML: []byte(
		"server: {addr: 127.0.0.1:0, token: load}\nlog: {level: error}\nstorage: {type: memory}\n" +
			"publishers: [{type: sse}, {type: websocket}, {type: long-polling}]\nreceivers: []\n")}))
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	stop := func() error {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		return a.Stop(ctx)
	}
	ch, err := store.PutChannel(t.Context(), motacilla.Channel{ID: channelID, Title: "Load"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	p := &program{t: t, addr: server.Addr().(*net.TCPAddr).String()}
	var crowds []*load.Crowd
	for _, mode := range streams {
		crowds = append(crowds, crowd(t, p, load.Spec{Mode: mode, Readers: each, Since: int64(ch.Head)}))
	}
	stopped := make(chan error, 1)
	began := time.Now()
	go func() { stopped <- stop() }()
	for _, c := range crowds { // the others read what waits in their sockets later
		if err := c.Until(func() bool { return len(c.Ends) >= each }, patience); err != nil {
			t.Errorf("%d of %d readers were sent away: %v", len(c.Ends), each, err)
		}
		if c.Gaps+c.Doubled+c.Resets+c.Malformed > 0 {
			t.Errorf("the drain is no heartbeat: %+v", c.CrowdReport)
		}
	}
	if err := <-stopped; err != nil {
		t.Errorf("stop: %v", err)
	}
	t.Logf("%d readers drained in %v", each*len(streams), time.Since(began).Round(time.Millisecond))
}
