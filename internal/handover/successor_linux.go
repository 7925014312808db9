package handover

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Successor is the new process's side of a handover. Its methods must not be called at once. The methods of nil do what a process
// needs that replaces no other.
type Successor struct {
	link      *link
	limits    limits
	listeners map[Place]net.Listener
	modes     map[Place]fs.FileMode
	old       hello
	gone      bool // the old process has ended
}

// Inherited returns the handover for which this process was started. It returns nil if the process was started otherwise. build is
// the version of the program, for people. The listeners have come when Inherited returns. It unsets the environment variable by
// which it finds the old process, so that other children do not see it. It must be called before there are any.
//
// If there is an error, the old process goes on, and this one must end. If the old process has ended, that is no error here, nor
// for the methods: this process then goes on with what has come.
func Inherited(build string) (*Successor, error) {
	return inherited(hello{Version: version, Build: build, PID: os.Getpid()}, standard())
}

func inherited(h hello, within limits) (*Successor, error) {
	number, ok := os.LookupEnv(variable)
	if !ok {
		return nil, nil
	}
	if err := os.Unsetenv(variable); err != nil {
		return nil, fmt.Errorf("unset %s: %w", variable, err)
	}
	l, err := inheritedLink(number)
	if err != nil {
		return nil, fmt.Errorf("%s is %q: %w", variable, number, err)
	}
	s := &Successor{link: l, limits: within, listeners: map[Place]net.Listener{}, modes: map[Place]fs.FileMode{}}
	if err := s.survive(s.greet(h)); err != nil {
		s.Close()
		return nil, fmt.Errorf("handover from the old process: %w", err)
	}
	return s, nil
}

func inheritedLink(number string) (*link, error) {
	fd, err := strconv.Atoi(number)
	if err != nil || fd < 3 {
		return nil, errors.New("expected the number of a file from 3 on")
	}
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil || kind != unix.SOCK_SEQPACKET {
		return nil, errors.New("expected the number of a socket of a handover")
	}
	return newLink(fd)
}

// survive returns nil if err is the end of the old process, and notes it. The link closes before the other files of a process, so
// survive waits for its end: then its addresses are free. If the process has only closed the link, that is an error.
func (s *Successor) survive(err error) error {
	if !errors.Is(err, errGone) {
		return err
	}
	if !ended(s.old.PID, s.limits.step) {
		return errFailed
	}
	s.gone = true
	return nil
}

// greet exchanges greetings, and takes the listeners. If the versions do not match, the old process still gets the greeting, so
// that both can say why.
func (s *Successor) greet(ours hello) error {
	p, err := s.receive(greeting)
	if err != nil {
		return err
	}
	if err := p.into(&s.old); err != nil {
		return err
	}
	if err := s.send(greeting, ours); err != nil {
		return err
	}
	if err := s.old.speaks(ours.Version); err != nil {
		return err
	}
	for {
		p, err := s.receive(listener, listeners)
		if err != nil || p.Kind == listeners {
			return err
		}
		if err := s.keep(p); err != nil {
			return err
		}
	}
}

// keep keeps the listener of a parcel.
func (s *Successor) keep(p parcel) error {
	defer p.drop()
	var o offer
	if err := p.into(&o); err != nil {
		return err
	}
	at := o.Place
	if p.file == nil {
		return fmt.Errorf("listener %s at %s has come without its file; perhaps this process may open too few files", at.Name, at.Address)
	}
	if s.listeners[at] != nil {
		return fmt.Errorf("listener %s at %s has come twice", at.Name, at.Address)
	}
	ln, err := net.FileListener(p.file)
	if err != nil {
		return fmt.Errorf("listener %s at %s: %w", at.Name, at.Address, err)
	}
	s.listeners[at], s.modes[at] = ln, o.Mode
	return nil
}

// Listener returns the listener that the old process had at this place. If it returns false, the caller has to open one. A
// listener must not accept before Ready has returned. It does not remove the file of a Unix socket when it closes.
func (s *Successor) Listener(name, address string) (net.Listener, bool) {
	if s == nil {
		return nil, false
	}
	at := Place{Name: name, Address: address}
	ln, ok := s.listeners[at]
	delete(s.listeners, at)
	return ln, ok
}

// Mode returns the mode that the old process's configuration gives to the file of a Unix socket. It is 0 if that is not known.
func (s *Successor) Mode(name, address string) fs.FileMode {
	if s == nil {
		return 0
	}
	return s.modes[Place{Name: name, Address: address}]
}

// Ready tells the old process that this one could accept connections. When it returns nil, the old process does not accept any
// more: this one must do so at once. Listeners that nobody has asked for are closed.
func (s *Successor) Ready() error {
	if s == nil {
		return nil
	}
	s.closeListeners()
	if s.gone {
		return nil
	}
	err := s.send(ready, nil)
	if err == nil {
		_, err = s.receive(paused)
	}
	if err = s.survive(err); err != nil {
		return fmt.Errorf("handover from the old process: %w", err)
	}
	return nil
}

// Close gives the handover up, and closes the listeners that nobody has asked for. A process that can't serve calls it before it
// ends.
func (s *Successor) Close() {
	if s == nil {
		return
	}
	s.closeListeners()
	s.link.close()
}

func (s *Successor) closeListeners() {
	for at, ln := range s.listeners {
		_ = ln.Close()
		delete(s.listeners, at)
	}
}

func (s *Successor) send(k kind, state any) error {
	step, cancel := s.limits.stepContext(context.Background())
	defer cancel()
	return s.link.send(step, k, state, nil)
}

func (s *Successor) receive(kinds ...kind) (parcel, error) {
	step, cancel := s.limits.stepContext(context.Background())
	defer cancel()
	return s.link.receive(step, kinds...)
}
