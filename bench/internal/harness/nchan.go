//go:build linux

package harness

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/motacilla-live/motacilla/bench/internal/server"
	"github.com/motacilla-live/motacilla/internal/message"
	"github.com/motacilla-live/motacilla/internal/nginx"
	"github.com/motacilla-live/motacilla/internal/process"
)

const nchanWorkers = 2

// nchanHTTP and nchanLocations are parts of nginx's configuration.
const (
	nchanHTTP      = "nchan_message_buffer_length 50; nchan_message_timeout 5m;"
	nchanLocations = `location = /pub { nchan_publisher http; nchan_channel_id bench; }
		location = /sse { nchan_subscriber eventsource; nchan_subscriber_first_message newest; nchan_channel_id bench; }
		location = /ws { nchan_subscriber websocket; nchan_subscriber_first_message newest; nchan_channel_id bench; }
		location = /poll { nchan_subscriber longpoll; nchan_subscriber_first_message newest; nchan_channel_id bench; }
		location / { return 404; }`
)

// nchan is Debian's nginx with Nchan and two workers. Updates are published to it by HTTP, which is its usual interface.
type nchan struct {
	cmd   *exec.Cmd
	dir   string
	said  server.Ready
	url   string // to publish to
	maker *message.Maker
	http  *http.Client
}

// startNchan starts nginx, whose readers ask for path. With tls it listens for TLS 1.3 alone.
func startNchan(ctx context.Context, path string, secure bool) (served, error) {
	program, err := nginx.ProgramWithNchan()
	if err != nil {
		return nil, fmt.Errorf("nginx with Nchan is not installed: %w", err)
	}
	addr, err := freeAddr(ctx)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "nchan-")
	if err != nil {
		return nil, fmt.Errorf("nchan: %w", err)
	}
	args, err := configure(dir, addr, secure)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("nchan: %w", err), os.RemoveAll(dir))
	}
	s := &nchan{
		cmd: exec.CommandContext(ctx, program, args...), dir: dir,
		said:  server.Ready{Addr: addr, Path: path, Since: -1},
		url:   "http://" + addr + "/pub",
		maker: message.NewMaker(), http: &http.Client{Timeout: patience},
	}
	if secure {
		s.url = "https://" + addr + "/pub"
		s.http.Transport = &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // its own certificate
	}
	s.cmd.Cancel = func() error { return s.cmd.Process.Signal(syscall.SIGTERM) } // the workers end with the master
	s.cmd.Stderr = os.Stderr
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := s.cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("nchan: %w", err), os.RemoveAll(dir))
	}
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		err := s.up(ctx)
		if err == nil {
			return s, nil
		}
		if time.Now().After(end) {
			s.stop()
			return nil, fmt.Errorf("start nchan: %w", err)
		}
	}
}

// configure writes the configuration, and with it a certificate. It returns nginx's arguments.
func configure(dir, addr string, secure bool) ([]string, error) {
	c := nginx.Nchan{Dir: dir, Addr: addr, Workers: nchanWorkers, HTTP: nchanHTTP, Locations: nchanLocations}
	if secure {
		var err error
		if c.Cert, c.Key, err = server.Certificate(dir); err != nil {
			return nil, err
		}
	}
	return c.Write()
}

// up returns nil if nginx listens and has started its workers. It listens before it starts them.
func (s *nchan) up(ctx context.Context) error {
	nc, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp4", s.said.Addr)
	if err != nil {
		return err
	}
	if err := nc.Close(); err != nil {
		return err
	}
	pids, err := s.pids()
	if err == nil && len(pids) != 1+nchanWorkers {
		err = fmt.Errorf("nginx has %d processes, want a master and %d workers", len(pids), nchanWorkers)
	}
	return err
}

func freeAddr(ctx context.Context) (string, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp4", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a port: %w", err)
	}
	return l.Addr().String(), l.Close()
}

func (s *nchan) ready() server.Ready { return s.said }

func (s *nchan) pids() ([]int, error) { return process.Tree(s.cmd.Process.Pid) }

func (s *nchan) publish(ctx context.Context, seq int, stamp int64) error {
	body, err := s.maker.Next(seq, stamp)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := s.http.Do(req)
	if err != nil {
		return fmt.Errorf("publish %d: %w", seq, err)
	}
	defer func() { _ = res.Body.Close() }()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return fmt.Errorf("publish %d: %w", seq, err)
	}
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("publish %d: %s", seq, res.Status)
	}
	return nil
}

func (s *nchan) collect() error { return nil }

func (s *nchan) stop() {
	s.http.CloseIdleConnections()
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	kill := time.AfterFunc(5*time.Second, func() { _ = s.cmd.Process.Kill() })
	_ = s.cmd.Wait()
	kill.Stop()
	_ = os.RemoveAll(s.dir)
}

// nginxVersion returns the version that nginx prints, or "".
func nginxVersion() string {
	out, err := exec.CommandContext(context.Background(), "nginx", "-v").CombinedOutput()
	if err != nil {
		return ""
	}
	_, version, _ := strings.Cut(strings.TrimSpace(string(out)), ": ")
	return version
}
