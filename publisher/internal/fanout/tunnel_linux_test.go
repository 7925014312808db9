package fanout

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"unsafe"
)

// tunnel is a network whose packets can be held up: a TUN device in a network namespace of its own. A packet from near to far
// comes back as one from far to near, so that a connection from near to far arrives at near, where the listener is.
type tunnel struct {
	t     *testing.T
	calls chan func() // for the thread that is in the namespace
	road  sync.Mutex  // no packet arrives while it is held
}

var near, far = [4]byte{10, 99, 0, 1}, [4]byte{10, 99, 0, 2}

// newTunnel returns an error if the process may not make a network.
func newTunnel(t *testing.T) (*tunnel, error) {
	n := &tunnel{t: t, calls: make(chan func())}
	made := make(chan error)
	var device *os.File
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine, and the namespace with the thread
		var err error
		device, err = makeDevice()
		made <- err
		for call := range n.calls {
			call()
		}
	}()
	t.Cleanup(func() { close(n.calls) })
	if err := <-made; err != nil {
		return nil, err
	}
	relayed := make(chan struct{})
	go func() { defer close(relayed); n.relay(device) }()
	t.Cleanup(func() {
		_ = device.Close()
		<-relayed
	})
	return n, nil
}

func (n *tunnel) listen() (ln net.Listener) {
	n.do(func() (err error) {
		ln, err = net.Listen("tcp4", net.JoinHostPort(net.IP(near[:]).String(), "0"))
		return err
	})
	n.t.Cleanup(func() { _ = ln.Close() })
	return ln
}

func (n *tunnel) dial(addr net.Addr) (c net.Conn, err error) {
	to := &net.TCPAddr{IP: far[:], Port: addr.(*net.TCPAddr).Port}
	n.do(func() error {
		c, err = net.DialTCP("tcp4", nil, to)
		return err
	})
	return c, err
}

// do makes a call in the namespace.
func (n *tunnel) do(call func() error) {
	n.t.Helper()
	done := make(chan error)
	n.calls <- func() { done <- call() }
	if err := <-done; err != nil {
		n.t.Fatal(err)
	}
}

// makeDevice moves the thread to a namespace of its own, and makes a TUN device there that leads to far.
func makeDevice() (*os.File, error) {
	if err := syscall.Unshare(syscall.CLONE_NEWNET); err != nil {
		return nil, fmt.Errorf("network namespace: %w", err)
	}
	fd, err := syscall.Open("/dev/net/tun", syscall.O_RDWR|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("/dev/net/tun: %w", err)
	}
	control, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("socket: %w", err)
	}
	defer func() { _ = syscall.Close(control) }()
	const (
		tunSetInterface = 0x400454ca
		tunnelNoHeader  = 0x0001 | 0x1000 // IFF_TUN, IFF_NO_PI
		up              = syscall.IFF_UP | syscall.IFF_RUNNING
	)
	address := func(ip [4]byte) (b [24]byte) {
		*(*uint16)(unsafe.Pointer(&b)) = syscall.AF_INET
		copy(b[4:], ip[:])
		return b
	}
	flags := func(f uint16) (b [24]byte) {
		*(*uint16)(unsafe.Pointer(&b)) = f
		return b
	}
	for _, c := range []struct {
		fd      int
		request uintptr
		value   [24]byte
	}{
		{fd, tunSetInterface, flags(tunnelNoHeader)},
		{control, syscall.SIOCSIFADDR, address(near)},
		{control, syscall.SIOCSIFNETMASK, address([4]byte{255, 255, 255, 0})},
		{control, syscall.SIOCSIFFLAGS, flags(up)},
	} {
		request := struct { // struct ifreq
			name  [16]byte
			value [24]byte
		}{value: c.value}
		copy(request.name[:], "late0")
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(c.fd), c.request, uintptr(unsafe.Pointer(&request))); errno != 0 {
			_ = syscall.Close(fd)
			return nil, fmt.Errorf("TUN device, request %#x: %w", c.request, errno)
		}
	}
	return os.NewFile(uintptr(fd), "tun"), nil
}

// relay sends every packet of near's back, until the device is closed.
func (n *tunnel) relay(device *os.File) {
	packets := make(chan []byte, 10_000)
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for p := range packets {
			n.road.Lock()
			_, _ = device.Write(p)
			n.road.Unlock()
		}
	}()
	defer func() { close(packets); <-sent }()
	b := make([]byte, 1<<16)
	for {
		size, err := device.Read(b)
		if err != nil {
			return
		}
		if size < 20 || b[0]>>4 != 4 { // not IPv4
			continue
		}
		p := bytes.Clone(b[:size])
		copy(p[12:16], b[16:20]) // Source and destination change places. Checksums stay as they are.
		copy(p[16:20], b[12:16])
		packets <- p
	}
}
