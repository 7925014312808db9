package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/motacilla-live/motacilla/internal/handover"
	"github.com/motacilla-live/motacilla/publisher"
	"go.uber.org/fx"
	"go.uber.org/zap"
)

// upgrader replaces this process by a new one, and takes over from the process that this one replaces.
type upgrader struct {
	server     *Server
	admin      *Admin
	listeners  *listeners
	store      string // its type
	log        *zap.Logger
	shutdowner fx.Shutdowner

	program  string // the path of this program, where a new version of it may be by now
	folder   string
	taking   atomic.Bool // connections are still coming
	replaced atomic.Bool

	cancel  context.CancelFunc
	control *handover.Control
	work    sync.WaitGroup
}

type upgradesIn struct {
	fx.In

	Lifecycle  fx.Lifecycle
	Shutdowner fx.Shutdowner
	Config     *Config
	Server     *Server // starts before
	Admin      *Admin
	Listeners  *listeners
	Log        *zap.Logger
}

// upgrades adds the upgrader to the app.
func upgrades(in upgradesIn) error {
	u := &upgrader{
		server: in.Server, admin: in.Admin, listeners: in.Listeners, store: in.Config.Storage.Type, log: in.Log.Named("upgrade"),
		shutdowner: in.Shutdowner,
	}
	u.control = handover.NewControl(u.upgrade)
	var err error
	if u.folder, err = os.Getwd(); err != nil {
		return err
	}
	if u.program, err = exec.LookPath(os.Args[0]); err == nil {
		u.program, err = filepath.Abs(u.program)
	}
	if err != nil {
		u.log.Info("this program can't be found, so it can't be upgraded in place", zap.Error(err))
	}
	in.Lifecycle.Append(fx.Hook{OnStart: u.start, OnStop: u.stop})
	return nil
}

func (u *upgrader) start(ctx context.Context) error {
	if err := u.control.Start(ctx); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		u.log.Warn("this server can't be upgraded in place", zap.Error(err))
	}
	background, cancel := context.WithCancel(context.Background())
	u.cancel = cancel
	u.onSignal(background)
	watchdog(background, u.server.alive, u.log, &u.work)
	if u.listeners.successor == nil {
		tell(u.log, daemon.SdNotifyReady)
		return nil
	}
	u.taking.Store(true)
	u.work.Go(func() { u.take(background) })
	return nil
}

// take takes over the connections of the process that this one replaces.
func (u *upgrader) take(ctx context.Context) {
	count, err := u.listeners.successor.Take(ctx, func(c handover.Connection) error {
		err := u.server.TakeOver(ctx, c.Publisher, publisher.Handed{Socket: c.Socket, State: c.State})
		if err != nil {
			u.log.Debug("a connection was not taken over", zap.String("publisher", c.Publisher), zap.Error(err))
		}
		return err
	})
	u.taking.Store(false)
	if err != nil {
		u.log.Error("the old process goes on, so this one ends", zap.Error(err))
		if err := u.shutdowner.Shutdown(fx.ExitCode(1)); err != nil {
			u.log.Error("shut down", zap.Error(err))
		}
		return
	}
	u.log.Info("took over from the old process", zap.Int("connections", count.Taken), zap.Int("refused", count.Refused))
	tell(u.log, daemon.SdNotifyReady)
}

func (u *upgrader) stop(context.Context) error {
	if !u.replaced.Load() {
		tell(u.log, daemon.SdNotifyStopping)
	}
	if u.cancel != nil {
		u.cancel()
	}
	u.control.Stop()
	u.work.Wait()
	return nil
}

// upgrade replaces this process.
func (u *upgrader) upgrade(ctx context.Context, told func(string)) (handover.Count, error) {
	began := time.Now()
	count, err := u.replace(ctx, told)
	if err != nil {
		u.log.Error("the upgrade failed, and this process goes on", zap.Error(err))
		return count, err
	}
	u.replaced.Store(true)
	tell(u.log, mainPID(count.PID))
	u.log.Info("a new process has taken over, so this one ends", zap.Int("pid", count.PID), zap.Int("connections", count.Taken),
		zap.Int("refused", count.Refused), zap.Duration("took", time.Since(began)))
	u.listeners.leave()
	return count, u.shutdowner.Shutdown()
}

func (u *upgrader) replace(ctx context.Context, told func(string)) (handover.Count, error) {
	switch {
	case u.taking.Load():
		return handover.Count{}, errors.New("this process is still taking over from the one before it: try again when it has")
	case u.program == "":
		return handover.Count{}, errors.New("the program of this process can't be found: stop the server and start it again")
	case u.store == "memory":
		return handover.Count{}, errors.New("storage.type is memory: the posts are in this process and would be lost; choose another store")
	}
	cmd := exec.Command(u.program, os.Args[1:]...) //nolint:gosec,noctx // it is this program, and it must outlive this process
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = u.folder, environment(), os.Stdout, os.Stderr
	u.log.Info("starting a new process", zap.String("program", u.program))
	return handover.Replace(ctx, cmd, u, func(text string) {
		u.log.Info(text)
		told(text)
	})
}

// environment is that of this process without what systemd has put there for this process alone.
func environment() []string {
	var all []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "WATCHDOG_PID=") && !strings.HasPrefix(v, "LISTEN_") {
			all = append(all, v)
		}
	}
	return all
}

// Listeners implements handover.Server.
func (u *upgrader) Listeners() ([]handover.Listener, error) { return u.listeners.all() }

// Pause implements handover.Server. Connections that wait for their next request are closed: it goes to the new process.
func (u *upgrader) Pause() {
	u.listeners.pause()
	u.keepAlive(false)
}

// Resume implements handover.Server.
func (u *upgrader) Resume() {
	u.keepAlive(true)
	u.listeners.resume()
}

func (u *upgrader) keepAlive(on bool) {
	u.server.http.SetKeepAlivesEnabled(on)
	if u.admin.http != nil {
		u.admin.http.SetKeepAlivesEnabled(on)
	}
}

// settled is how long nothing may come to be handed over before the handover is over: requests under way may become streams.
const settled = 100 * time.Millisecond

// mostPasses is how often the publishers are asked for more connections.
const mostPasses = 20

// HandOver implements handover.Server.
func (u *upgrader) HandOver(ctx context.Context, give func(handover.Connection) error) error {
	for range mostPasses {
		given := 0
		err := u.server.HandOver(ctx, func(at string, h publisher.Handed) error {
			err := give(handover.Connection{Of: handover.Of{Publisher: at, State: h.State}, Socket: h.Socket})
			if err == nil {
				given++
				_ = h.Socket.Close() // the new process has it
			}
			return err
		})
		if err != nil || given == 0 {
			return err
		}
		select {
		case <-time.After(settled):
		case <-ctx.Done():
			return fmt.Errorf("hand over: %w", ctx.Err())
		}
	}
	return nil
}
