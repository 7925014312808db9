package tlsrecord

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// OpenSSL's client speaks every suite, and changes its key when it is told to.
func TestOpenSSL(t *testing.T) {
	binary, err := exec.LookPath("openssl")
	if err != nil {
		const missing = "this needs openssl: apt-get install -y openssl"
		if os.Getenv("CI") == "true" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	for _, suite := range []string{"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"} {
		t.Run(suite, func(t *testing.T) {
			r := newRig(t, &tls.Config{NextProtos: []string{protocol}})
			client := startOpenSSL(r, binary, "-ciphersuites", suite, "-alpn", protocol)
			server, err := r.listener.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()
			_ = server.SetDeadline(time.Now().Add(patience))
			r.say(client.in, "first\n")
			r.want(server, "first\n")
			conn := r.take(server)
			if got := tls.CipherSuiteName(conn.ConnectionState().CipherSuite); got != suite {
				t.Errorf("the suite is %s", got)
			}
			for i, command := range []string{"", "k\n", "K\n", "K\n"} { // K asks for a new key of the server's too
				for range 2 {
					if command != "" {
						r.say(client.in, command)
						client.expect("KEYUPDATE")
					}
					r.say(client.in, "hello\n")
					r.want(conn, "hello\n")
					r.say(conn, "good day\n")
					client.expect("good day")
				}
				if i == 2 {
					conn = r.take(conn)
				}
			}
			if err := conn.Close(); err != nil {
				t.Error(err)
			}
			client.expect("closed") // what s_client says of a close_notify
		})
	}
}

// openSSL is a running s_client.
type openSSL struct {
	*rig
	in  io.Writer
	out *bufio.Reader
}

func startOpenSSL(r *rig, binary string, args ...string) *openSSL {
	r.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	args = append([]string{"s_client", "-connect", r.listener.Addr().String(), "-tls1_3"}, args...)
	cmd := exec.CommandContext(ctx, binary, args...)
	in, err := cmd.StdinPipe()
	if err != nil {
		r.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		r.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() {
		cancel()
		_ = in.Close()
		_ = cmd.Wait()
	})
	return &openSSL{r, in, bufio.NewReader(out)}
}

// expect reads until a line is text.
func (o *openSSL) expect(text string) {
	o.Helper()
	for {
		line, err := o.out.ReadString('\n')
		if err != nil {
			o.Fatalf("openssl did not print %q: %v", text, err)
		}
		if strings.TrimSpace(line) == text {
			return
		}
	}
}
