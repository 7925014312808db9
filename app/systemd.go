package app

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	systemd "github.com/coreos/go-systemd/v22/activation"
	"github.com/coreos/go-systemd/v22/daemon"
	"go.uber.org/zap"
)

// activated are the sockets that systemd has opened, by the name of what listens on them.
type activated map[string][]net.Listener

// activation returns the sockets of systemd's socket activation, and unsets its variables. A socket with the FileDescriptorName
// admin or redirect is for that listener. Any other one is the server's.
func activation() (activated, error) {
	named, err := systemd.ListenersWithNames()
	if err != nil {
		return nil, fmt.Errorf("sockets of systemd: %w", err)
	}
	all := activated{}
	for name, lns := range named {
		if name != listenAdmin && name != listenRedirect {
			name = listenServer
		}
		all[name] = append(all[name], lns...)
	}
	for name, lns := range all {
		if len(lns) > 1 {
			return nil, fmt.Errorf("sockets of systemd: %d are for the listener %q, expected one: give the others "+
				"FileDescriptorName=admin or redirect", len(lns), name)
		}
	}
	return all, nil
}

// take returns the socket for a listener.
func (a activated) take(name string) (net.Listener, bool) {
	lns := a[name]
	delete(a, name)
	if len(lns) == 0 {
		return nil, false
	}
	return lns[0], true
}

// close closes the sockets that nothing listens on, which is an error.
func (a activated) close() error {
	for name, lns := range a {
		for _, ln := range lns {
			_ = ln.Close()
		}
		return fmt.Errorf("systemd has opened a socket for the listener %q, which is not configured", name)
	}
	return nil
}

// tell tells systemd something, if it runs this process. The log says if that fails.
func tell(log *zap.Logger, state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		log.Warn("systemd was not told", zap.String("state", state), zap.Error(err))
	}
}

// mainPID says that another process is the main process of the service.
func mainPID(pid int) string { return "MAINPID=" + strconv.Itoa(pid) }

// watchdog tells systemd that the server answers, as often as the unit's WatchdogSec wants, until ctx ends. If the server hangs,
// systemd is not told, and starts the service again.
func watchdog(ctx context.Context, alive func() bool, log *zap.Logger, work *sync.WaitGroup) {
	every, err := daemon.SdWatchdogEnabled(false)
	if err != nil || every <= 0 {
		return
	}
	work.Go(func() {
		ticker := time.NewTicker(every / 3)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
			case <-ctx.Done():
				return
			}
			if alive() {
				tell(log, daemon.SdNotifyWatchdog)
			}
		}
	})
}

// alive reports whether the site answers requests.
func (s *Server) alive() bool {
	r, err := http.NewRequest(http.MethodGet, "/healthz", nil) //nolint:noctx // it does not leave the process
	if err != nil {
		return false
	}
	var w status
	s.ServeHTTP(&w, r)
	return w == http.StatusOK
}

// status is the status of an answer that nobody reads.
type status int

// Header implements http.ResponseWriter.
func (*status) Header() http.Header { return http.Header{} }

// Write implements http.ResponseWriter.
func (w *status) Write(b []byte) (int, error) {
	if *w == 0 {
		*w = http.StatusOK
	}
	return len(b), nil
}

// WriteHeader implements http.ResponseWriter.
func (w *status) WriteHeader(code int) { *w = status(code) }
