package realserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"testing"
	"time"
)

// versitygwVersion is the version of versitygw that the tests use.
const versitygwVersion = "v1.8.0"

// The key of every versitygw, which may do everything.
const (
	S3AccessKey = "motacilla-access"
	S3SecretKey = "motacilla-s3cret/+key"
)

// Versitygw is a server with Amazon's S3 interface whose buckets are folders.
type Versitygw struct {
	Addr string // host and port
	Dir  string // with a folder for each bucket

	bin, sidecar string
	cmd          *exec.Cmd
	ended        chan struct{}
	out          bytes.Buffer // must not be read before the end of cmd
}

// NewVersitygw starts a server without buckets. It is stopped when the test ends. The program comes from the Go module proxy,
// once for this machine's user.
func NewVersitygw(t testing.TB) *Versitygw {
	t.Helper()
	bin, err := installed("github.com/versity/versitygw/cmd/versitygw", versitygwVersion)
	if err != nil {
		missing(t, fmt.Sprintf("versitygw (%v)", err), "golang")
	}
	v := &Versitygw{bin: bin, Dir: t.TempDir(), sidecar: t.TempDir()}
	for attempt := 0; ; attempt++ { // a test of another package may take the port first
		v.Addr = address(FreePort(t))
		if err = v.start(); err == nil {
			break
		}
		if attempt == 4 {
			t.Fatal(err)
		}
	}
	t.Cleanup(v.Kill)
	return v
}

// start starts the server, and returns when it accepts connections.
func (v *Versitygw) start() error {
	v.out.Reset()
	v.cmd = exec.CommandContext(context.Background(), v.bin, "--port", v.Addr, "--access", S3AccessKey, "--secret", S3SecretKey,
		"--quiet", "--keep-alive", "posix", v.Dir)
	v.cmd.Stdout, v.cmd.Stderr = &v.out, &v.out
	v.cmd.SysProcAttr = sameUser() // its folders belong to the user who runs the test
	var err error
	if v.ended, err = start(v.cmd); err != nil {
		return err
	}
	for late := time.Now().Add(starting); ; {
		conn, err := net.DialTimeout("tcp", v.Addr, time.Second)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-v.ended:
			return fmt.Errorf("versitygw ended: %s", &v.out)
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(late) {
			v.Kill()
			return errors.New("versitygw does not accept connections")
		}
	}
}

// Kill kills the server, and waits for its end.
func (v *Versitygw) Kill() {
	_ = v.cmd.Process.Kill()
	<-v.ended
}

// Restart starts the server again after Kill, with its address and its files.
func (v *Versitygw) Restart(t testing.TB) {
	t.Helper()
	if err := v.start(); err != nil {
		t.Fatal(err)
	}
}
