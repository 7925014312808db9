// Package nginx finds Debian's nginx and writes configurations for it, for tests and benchmarks.
package nginx

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"text/template"
)

// nchan is the module of Debian's package libnginx-mod-nchan.
const nchan = "/usr/lib/nginx/modules/ngx_nchan_module.so"

// Program returns the path of nginx.
func Program() (string, error) {
	program, err := exec.LookPath("nginx")
	if err != nil {
		program, err = exec.LookPath("/usr/sbin/nginx") // it is in root's path only
	}
	return program, err
}

// ProgramWithNchan returns the path of nginx if it has Nchan too.
func ProgramWithNchan() (string, error) {
	program, err := Program()
	if err == nil {
		_, err = os.Stat(nchan)
	}
	return program, err
}

// Nchan is the configuration of a server with Nchan.
type Nchan struct {
	Dir       string // of all its files
	Addr      string // where it listens
	Workers   int
	Cert, Key string // files; with them it listens for TLS 1.3 alone
	HTTP      string // directives of the http block
	Locations string // locations of the server
}

var config = template.Must(template.New("nginx.conf").Parse(`load_module {{.Module}};
daemon off;
worker_processes {{.Workers}};
worker_rlimit_nofile 19000;
pid {{.Dir}}/pid;
error_log {{.Dir}}/error.log error;
events { worker_connections 16384; multi_accept on; }
http {
	access_log off;
	client_body_temp_path {{.Dir}}/body;
	proxy_temp_path {{.Dir}}/proxy;
	fastcgi_temp_path {{.Dir}}/fastcgi;
	uwsgi_temp_path {{.Dir}}/uwsgi;
	scgi_temp_path {{.Dir}}/scgi;
	{{.HTTP}}
	server {
		listen {{.Addr}} backlog=4096{{if .Cert}} ssl{{end}};
{{- if .Cert}}
		ssl_certificate {{.Cert}};
		ssl_certificate_key {{.Key}};
		ssl_protocols TLSv1.3;
{{- end}}
		{{.Locations}}
	}
}
`))

// Write writes the configuration into Dir, which the workers must be able to read, and returns nginx's arguments.
func (n Nchan) Write() ([]string, error) {
	values := struct {
		Nchan
		Module string
	}{n, nchan}
	var text bytes.Buffer
	if err := config.Execute(&text, values); err != nil {
		return nil, fmt.Errorf("configure nginx: %w", err)
	}
	if err := os.Chmod(n.Dir, 0o755); err != nil { //nolint:gosec // the workers run as another user
		return nil, fmt.Errorf("configure nginx: %w", err)
	}
	file := filepath.Join(n.Dir, "nginx.conf")
	if err := os.WriteFile(file, text.Bytes(), 0o600); err != nil {
		return nil, fmt.Errorf("configure nginx: %w", err)
	}
	return []string{"-p", n.Dir, "-c", file, "-e", filepath.Join(n.Dir, "error.log")}, nil
}
