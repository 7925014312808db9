package deploy

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/app/standard"
	"github.com/motacilla-live/motacilla/media/local"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// inForce loads the configuration of a container with these variables.
func inForce(t *testing.T, env map[string]string) *app.Config {
	t.Helper()
	schema, err := app.SchemaOf(standard.Module)
	if err != nil {
		t.Fatal(err)
	}
	list := []string{}
	for k, v := range env {
		list = append(list, k+"="+v)
	}
	c, err := schema.Load(app.Input{Env: list, YAML: []byte("{}")})
	if err != nil {
		t.Fatalf("the program does not take this environment: %v", err)
	}
	return c
}

func TestDockerfile(t *testing.T) {
	parsed, err := parser.Parse(bytes.NewReader(read(t, "Dockerfile")))
	if err != nil {
		t.Fatal(err)
	}
	lint := linter.New(&linter.Config{Warn: func(rule, _, _, msg string, at []parser.Range) {
		t.Errorf("%v %s: %s", at, rule, msg)
	}})
	stages, _, err := instructions.Parse(parsed.AST, lint)
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{}
	last := stages[len(stages)-1]
	for _, command := range last.Commands {
		if e, ok := command.(*instructions.EnvCommand); ok {
			for _, kv := range e.Env {
				env[kv.Key] = kv.Value
			}
		}
	}
	if c := inForce(t, env); c.Server.Addr != ":8080" {
		t.Errorf("the image listens on %q, not on all of the container's addresses", c.Server.Addr)
	}
	if !strings.HasSuffix(last.BaseName, ":nonroot") {
		t.Errorf("the image runs as root: %s", last.BaseName)
	}
	golang := stages[0].BaseName
	if module := string(read(t, "../go.mod")); !strings.Contains(module, "go "+golang[len("golang:"):len("golang:1.26")]) {
		t.Errorf("the image builds with %s, which is not go.mod's", golang)
	}
}

func TestCompose(t *testing.T) {
	project, err := loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir:  ".",
		ConfigFiles: []types.ConfigFile{{Filename: "compose.yaml", Content: read(t, "compose.yaml")}},
		Environment: types.Mapping{"MOTACILLA_TOKEN": "secret"},
	}, func(o *loader.Options) { o.ResolvePaths = false })
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"node1", "node2"} {
		env := map[string]string{}
		for k, v := range project.Services[name].Environment {
			env[k] = *v
		}
		if c := inForce(t, env); c.Server.Token != "secret" || c.Server.Admin == "" || c.Storage.Type != "postgres" {
			t.Errorf("%s: token %q, store %q", name, c.Server.Token, c.Storage.Type)
		}
		if v := project.Services[name].Volumes; len(v) != 1 || v[0].Source != "images" || v[0].Target != "/data" {
			t.Errorf("%s does not have the images of the other: %+v", name, v)
		}
		build := project.Services[name].Build
		if _, err := os.Stat(filepath.Join(build.Context, build.Dockerfile)); err != nil {
			t.Error(err)
		}
	}
}

func TestKubernetes(t *testing.T) {
	documents := utilyaml.NewDocumentDecoder(io.NopCloser(bytes.NewReader(read(t, "kubernetes/motacilla.yaml"))))
	buf := make([]byte, 1<<16)
	kinds := map[string]bool{}
	for {
		n, err := documents.Read(buf)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		var head struct{ APIVersion, Kind string }
		if err := yaml.Unmarshal(buf[:n], &head); err != nil {
			t.Fatal(err)
		}
		into := map[string]any{
			"apps/v1 Deployment":            &appsv1.Deployment{},
			"v1 Service":                    &corev1.Service{},
			"v1 PersistentVolumeClaim":      &corev1.PersistentVolumeClaim{},
			"policy/v1 PodDisruptionBudget": &policyv1.PodDisruptionBudget{},
			"networking.k8s.io/v1 Ingress":  &networkingv1.Ingress{},
		}[head.APIVersion+" "+head.Kind]
		if into == nil {
			t.Fatalf("an object of kind %q", head)
		}
		if err := yaml.UnmarshalStrict(buf[:n], into); err != nil {
			t.Errorf("%s: %v", head.Kind, err)
		}
		kinds[head.Kind] = true
		if d, ok := into.(*appsv1.Deployment); ok {
			testDeployment(t, d)
		}
	}
	if len(kinds) != 5 {
		t.Errorf("the manifest has %v", kinds)
	}
}

func testDeployment(t *testing.T, d *appsv1.Deployment) {
	env := map[string]string{}
	pod := d.Spec.Template.Spec
	for _, v := range pod.Containers[0].Env {
		env[v.Name] = v.Value
		if v.ValueFrom != nil {
			env[v.Name] = v.ValueFrom.SecretKeyRef.Key
		}
	}
	c := inForce(t, env)
	if c.Storage.Type != "postgres" || c.Server.Token == "" {
		t.Errorf("store %q, token %q", c.Storage.Type, c.Server.Token)
	}
	if port := d.Spec.Template.Annotations["prometheus.io/port"]; c.Server.Admin != ":"+port {
		t.Errorf("Prometheus scrapes port %s, metrics are at %q", port, c.Server.Admin)
	}
	for what, folder := range map[string]string{"images": c.Media.Options.(*local.Options).Path, "uploads": c.Images.TempDir} {
		if !slices.ContainsFunc(pod.Containers[0].VolumeMounts, func(m corev1.VolumeMount) bool {
			return m.Name == what && (folder == m.MountPath || strings.HasPrefix(folder, m.MountPath+"/"))
		}) {
			t.Errorf("%s go to %q, which is not writable", what, folder)
		}
	}
	if grace := *pod.TerminationGracePeriodSeconds; grace < 15 {
		t.Errorf("a pod is killed after %d s; a drain may take 10", grace)
	}
	for k, v := range d.Spec.Selector.MatchLabels {
		if d.Spec.Template.Labels[k] != v {
			t.Errorf("the selector %s=%s does not choose the pods", k, v)
		}
	}
}

// TestSystemdUnit checks the unit with systemd-analyze. The path of the program is replaced by one that exists.
func TestSystemdUnit(t *testing.T) {
	unit := filepath.Join(t.TempDir(), "motacilla.service")
	text := strings.ReplaceAll(string(read(t, "motacilla.service")), "/usr/local/bin/motacilla", "/bin/true")
	if err := os.WriteFile(unit, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text, "\nRuntimeDirectory=motacilla\n") {
		t.Error("the unit has no folder for the socket that docs/operating.md shows")
	}
	for _, args := range [][]string{
		{"verify", "--man=no", unit},
		{"security", "--offline=yes", "--threshold=20", "--no-pager", unit}, // of 100: 2.0
	} {
		out, err := exec.CommandContext(t.Context(), "systemd-analyze", args...).CombinedOutput()
		if err != nil {
			t.Errorf("systemd-analyze %v: %v\n%s", args, err, out)
		}
	}
}

func TestDashboardIsJSON(t *testing.T) {
	var dashboard struct {
		Panels []struct {
			ID      int
			Title   string
			GridPos struct{ X, Y, W, H int }
		}
	}
	if err := json.Unmarshal(read(t, "grafana-dashboard.json"), &dashboard); err != nil {
		t.Fatal(err)
	}
	seen := map[int]bool{}
	for _, p := range dashboard.Panels {
		if seen[p.ID] || p.Title == "" || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("panel %+v", p)
		}
		seen[p.ID] = true
	}
}
