package e2e

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/client"
)

const nodeReader = `
const [url] = process.argv.slice(1)
const page = await (await fetch(url + "/channels/match-42")).text()
console.log(page.includes("The match") ? "page" : "no page")
const stream = await fetch(url + "/live/sse/match-42/")
let text = ""
for await (const chunk of stream.body) {
  text += new TextDecoder().decode(chunk)
  if (text.includes('"reset":true')) { console.log("event"); break }
}
`

const pythonReader = `
import sys, ssl, urllib.request
url, roots = sys.argv[1:]
context = ssl.create_default_context(cafile=roots)
page = urllib.request.urlopen(url + "/channels/match-42", context=context, timeout=100).read().decode()
print("page" if "The match" in page else "no page")
with urllib.request.urlopen(url + "/live/sse/match-42/", context=context, timeout=100) as stream:
    for line in stream:
        if '"reset":true' in line.decode():
            print("event")
            break
`

// TestClientsOverTLS: what people use reads pages and streams over TLS, without an exception for the certificate.
func TestClientsOverTLS(t *testing.T) {
	cert, key, roots := ownCertificate(t)
	https, plain, _ := freePair(t)
	n := startSecure(t, https, "MOTACILLA_STORAGE_TYPE=memory", "MOTACILLA_SERVER_TLS_CERT="+cert, "MOTACILLA_SERVER_TLS_KEY="+key,
		"MOTACILLA_SERVER_TLS_REDIRECT_FROM="+plain, "MOTACILLA_SERVER_TLS_HSTS=1h")
	base := strings.Replace(n.url, "127.0.0.1", "localhost", 1)
	c, err := client.New(base, &client.Options{Token: token, HTTP: &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseIdleConnections()
	if _, err := c.CreateChannel(t.Context(), client.NewChannel{ID: "match-42", Title: "The match"}); err != nil {
		t.Fatal(err)
	}
	t.Run("Go", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		for _, transport := range []string{"sse", "websocket", "long-polling", "interval-polling"} {
			got := false
			for u, err := range c.Follow(ctx, "match-42", &client.FollowOptions{Transports: []string{transport}}) {
				got = err == nil && u.Channel == motacilla.ChannelID("match-42")
				if !got {
					t.Errorf("%s: %v", transport, err)
				}
				break
			}
			if !got {
				t.Errorf("%s says nothing", transport)
			}
		}
	})
	t.Run("curl", func(t *testing.T) {
		curl := tool(t, "curl")
		for _, version := range []string{"--http1.1", "--http2"} {
			args := []string{"--silent", "--show-error", "--cacert", cert, version}
			says(t, "<title>The match", curl, append(args, base+"/channels/match-42")...)
			says(t, `"reset":true`, curl, append(args, "--no-buffer", base+"/live/sse/match-42/")...)
		}
		// From http to https, as a browser would: the redirect leads to the port of https.
		says(t, "<title>The match", curl, "--silent", "--show-error", "--cacert", cert, "--location", "http://"+plain+"/channels/match-42")
		says(t, "strict-transport-security: max-age=3600", curl, "--silent", "--show-error", "--cacert", cert, "--head", base+"/")
	})
	t.Run("openssl", func(t *testing.T) {
		openssl := tool(t, "openssl")
		for _, version := range []string{"-tls1_2", "-tls1_3"} {
			out := says(t, "Verify return code: 0 (ok)", openssl, "s_client", "-connect", n.addr, "-CAfile", cert, "-servername", "localhost",
				"-verify_hostname", "localhost", "-verify_return_error", "-alpn", "h2,http/1.1", version)
			if !strings.Contains(out, "ALPN protocol: h2") {
				t.Errorf("%s: %s", version, out)
			}
		}
		out, err := exec.Command(openssl, "s_client", "-connect", n.addr, "-tls1_1", "-cipher", "ALL@SECLEVEL=0").CombinedOutput()
		if err == nil {
			t.Errorf("TLS 1.1 is spoken: %s", out)
		}
	})
	t.Run("Node.js", func(t *testing.T) {
		p := node(t, t.TempDir(), []string{"NODE_EXTRA_CA_CERTS=" + cert}, "--input-type=module", "-e", nodeReader, base)
		p.says("page")
		p.says("event")
	})
	t.Run("Python", func(t *testing.T) {
		python := tool(t, "python3")
		says(t, "page\nevent", python, "-c", pythonReader, base, cert)
	})
	t.Run("nmap", func(t *testing.T) {
		nmap := tool(t, "nmap")
		_, port, _ := strings.Cut(n.addr, ":")
		out := says(t, "least strength: A", nmap, "-Pn", "-p", port, "--script", "ssl-enum-ciphers", "127.0.0.1")
		for _, weak := range []string{"TLSv1.0", "TLSv1.1", "SSLv3", " - B", " - C", " - D", " - F", "CBC", "warnings"} {
			if strings.Contains(out, weak) {
				t.Errorf("nmap finds %s: %s", weak, out)
			}
		}
		for _, version := range []string{"TLSv1.2", "TLSv1.3"} {
			if !strings.Contains(out, version) {
				t.Logf("nmap does not know %s", version)
			}
		}
	})
}

// says runs a program until it has printed text, and returns what it has printed.
func says(t *testing.T, text, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdin = strings.NewReader("")
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout // the same pipe
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for r := bufio.NewReader(pipe); !strings.Contains(out.String(), text); {
		b, err := r.ReadByte()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		out.WriteByte(b)
	}
	if !strings.Contains(out.String(), text) {
		t.Errorf("%s %v never says %q: %s", name, args, text, out.String())
	}
	if rest := make([]byte, 64<<10); text == "least strength: A" || strings.HasPrefix(text, "Verify") {
		n, _ := io.ReadFull(pipe, rest) // these end by themselves
		out.Write(rest[:n])
	}
	cancel()
	_ = cmd.Wait()
	return out.String()
}
