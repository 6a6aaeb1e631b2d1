package main

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/internal/edge"
	"github.com/jotward/jotward/internal/server"
	"github.com/jotward/jotward/jose/lint"
)

// TestDocsCurrent compares each page of docs/reference that is made from a list
// with that list; `make docs` writes them.
func TestDocsCurrent(t *testing.T) {
	for name, text := range map[string]string{
		"cli.md":             cliPage(newRoot()),
		"config.md":          configPage(t),
		"routes.md":          routesPage(t),
		"metrics.md":         metricsPage(t),
		"config.schema.json": schemaFile(t),
		"lint.md":            lintPage(),
	} {
		path := filepath.Join("..", "..", "docs", "reference", name)
		if os.Getenv("JOTWARD_UPDATE_DOCS") != "" {
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if have, err := os.ReadFile(path); err != nil || string(have) != text {
			t.Errorf("%s is not current: run make docs (%v)", name, err)
		}
	}
}

const generated = "<!-- Written by `make docs`. -->\n\n"

// cliPage lists commands and flags in the order of --help.
func cliPage(root *cobra.Command) string {
	var b strings.Builder
	b.WriteString("# Commands\n\n" + generated + "The result goes to stdout, everything else to stderr. Exit codes: 0 ok, 1 internal, 2 usage or configuration, 3 malformed token, " +
		"4 signature or key, 5 expired or not yet valid, 6 claim mismatch, 7 revoked, 8 denied, 9 network.\n")
	var visit func(*cobra.Command)
	visit = func(c *cobra.Command) {
		if c.Name() == "help" || c.Name() == "completion" || c.Hidden {
			return
		}
		if c != root && (c.Runnable() && !c.HasSubCommands()) {
			what := c.Short + "."
			if c.Long != "" {
				what = strings.ReplaceAll(c.Long, "\n  ", "\n    ") // a table is code in Markdown
			}
			fmt.Fprintf(&b, "\n## %s\n\n%s\n\n    %s\n", c.CommandPath(), what, c.UseLine())
			flags := map[string]string{}
			row := func(f *pflag.Flag) {
				def := ""
				if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "[]" && f.DefValue != "0" && f.DefValue != "0s" {
					def = fmt.Sprintf(" (default `%s`)", f.DefValue)
				}
				flags[f.Name] = fmt.Sprintf("- `--%s` %s%s\n", f.Name, f.Usage, def)
			}
			c.LocalFlags().VisitAll(row)
			c.InheritedFlags().VisitAll(row)
			delete(flags, "help")
			if len(flags) > 0 {
				b.WriteString("\n")
			}
			for _, name := range slices.Sorted(maps.Keys(flags)) {
				b.WriteString(flags[name])
			}
		}
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(root)
	return b.String()
}

// configPage walks the structs of the configuration; a field's comment is its
// text.
func configPage(t *testing.T) string {
	comments := configComments(t)
	var b strings.Builder
	b.WriteString("# Configuration\n\n" + generated + "One YAML file, strict: an unknown key is a mistake, and all mistakes are said at once with file and line (`jotward config check`).\n" +
		"`JOTWARD_ISSUER_…` and `JOTWARD_EDGE_…` stand over the file: `issuer.admin.listen` is `JOTWARD_ISSUER_ADMIN_LISTEN`. " +
		"A secret is written as `env:NAME` or `file:PATH`. An edge takes changes over at SIGHUP or when the file changes; a bad file leaves the old one running. An issuer takes over renewed certificates, and the rest at its next start.\n")
	var visit func(path string, typ reflect.Type)
	visit = func(path string, typ reflect.Type) {
		for i := range typ.NumField() {
			f := typ.Field(i)
			if !f.IsExported() {
				continue
			}
			name, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
			if strings.Contains(options, "inline") {
				visit(path, f.Type)
				continue
			}
			text := comments[typ.Name()+"."+f.Name]
			if text == "" {
				t.Errorf("config.%s.%s has no comment", typ.Name(), f.Name)
			}
			at := strings.TrimPrefix(path+"."+name, ".")
			inner := f.Type
			for inner.Kind() == reflect.Pointer || inner.Kind() == reflect.Slice {
				inner = inner.Elem()
			}
			if f.Type.Kind() == reflect.Slice && inner.Kind() == reflect.Struct {
				at += "[]"
			}
			nested := inner.Kind() == reflect.Struct && inner != reflect.TypeFor[config.Secret]()
			if nested && path == "" {
				fmt.Fprintf(&b, "\n## %s\n\n%s\n\n", at, text)
			} else {
				fmt.Fprintf(&b, "- `%s` (%s) %s\n", at, kindOf(f.Type), text)
			}
			if nested {
				visit(at, inner)
			}
		}
	}
	visit("", reflect.TypeFor[config.File]())
	return b.String()
}

func kindOf(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[config.Secret]():
		return "secret"
	case t.String() == "time.Duration":
		return "duration"
	case t.Kind() == reflect.Pointer:
		return kindOf(t.Elem())
	case t.Kind() == reflect.Struct:
		return "section"
	case t.Kind() == reflect.Slice:
		return "list of " + kindOf(t.Elem())
	case t.Kind() == reflect.Map:
		return "map"
	}
	return t.Kind().String()
}

// configComments are those of the configuration, and of the rules that stand in it.
func configComments(t *testing.T) map[string]string {
	comments := fieldComments(t, filepath.Join("..", "..", "internal", "config"))
	maps.Copy(comments, fieldComments(t, filepath.Join("..", "..", "internal", "rule")))
	return comments
}

// fieldComments reads the comments above, or beside, the fields of a package.
func fieldComments(t *testing.T, folder string) map[string]string {
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			if s, ok := spec.Type.(*ast.StructType); ok {
				for _, f := range s.Fields.List {
					text := strings.TrimSpace(f.Doc.Text() + f.Comment.Text())
					for _, id := range f.Names {
						out[spec.Name.Name+"."+id.Name] = strings.Join(strings.Fields(text), " ")
					}
				}
			}
			return true
		})
	}
	return out
}

// lintPage is the table of findings.
func lintPage() string {
	var b strings.Builder
	b.WriteString("# Findings of lint\n\n" + generated + "What `jotward token lint` and the package `jose/lint` find in one token. Nothing is verified: a token without findings can be a\n" +
		"forgery. A finding says where it is, as `header` or `claims` and a JSON pointer, and never what the value is.\n\n" +
		"`jotward token lint` exits with 0 when it found nothing but `info`, with 8 for an `error` or a `warning`, and with 3 for what is no\n" +
		"readable token.\n\n| code | severity | why | fix |\n|---|---|---|---|\n")
	for _, r := range lint.Rules() {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", r.Code, r.Severity, r.Why, r.Fix)
	}
	return b.String()
}

// routesPage shows the mount lists of an issuer.
func routesPage(t *testing.T) string {
	p := newProcess(testLog(t))
	c := &config.Issuer{Issuer: "https://id.example", Database: filepath.Join(t.TempDir(), "db"),
		MasterKey: config.Literal(strings.Repeat("00", 32)), Registration: &config.Registration{Access: "open"}}
	c.Signing.Defaults()
	i, err := newIssuer(t.Context(), c, p)
	if err != nil {
		t.Fatal(err)
	}
	defer i.store.Close()
	i.openConsole(t.Context(), "http://127.0.0.1:8082")
	var b strings.Builder
	b.WriteString("# Routes\n\n" + generated + "Errors are RFC 6749 5.2 at the endpoints that clients call, a page at those that people see, and RFC 9457 everywhere else; each carries a code of [reasons.md](reasons.md).\n\n## Public listener\n\n`/register` is there where `issuer.registration` lets somebody in.\n\n")
	for _, r := range i.PublicRoutes() {
		fmt.Fprintf(&b, "- `%s`\n", r.Pattern)
	}
	b.WriteString("\n## Admin listener\n\nEverything under `/admin/v1` asks for the admin token, everything under `/console` for a person with the role `jotward:admin`. An edge's admin listener has the others, and one of its own.\n\n")
	for _, r := range i.PrivateRoutes() {
		fmt.Fprintf(&b, "- `%s`\n", r.Pattern)
	}
	fmt.Fprintf(&b, "\n## Admin listener of an edge\n\n- `%s`: what the edge decides, a JSON object a line, while it does (`jotward tail`)\n", decisionsRoute(nil, "").Pattern)
	return b.String()
}

// metricsPage lists what issuer and edge register.
func metricsPage(t *testing.T) string {
	var b strings.Builder
	b.WriteString("# Metrics\n\n" + generated + "Served in the text format of Prometheus at `/metrics` of the admin listener, beside the figures of the Go runtime and the process. " +
		"Labels are bounded: routes by the mount lists or the configuration, reasons by [the list](reasons.md), clients by those that authenticated.\n")
	for _, part := range []struct {
		name     string
		register func(prometheus.Registerer)
	}{
		{"Issuer", func(r prometheus.Registerer) { server.NewMetrics(r) }},
		{"Edge", func(r prometheus.Registerer) {
			if _, err := edge.New(config.Edge{}, edge.Options{Now: time.Now, Logger: testLog(t), Registerer: r}); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		list := &described{}
		part.register(list)
		slices.Sort(list.rows)
		fmt.Fprintf(&b, "\n## %s\n\n%s", part.name, strings.Join(list.rows, ""))
	}
	return b.String()
}

// described is a registry that only reads what is registered.
type described struct{ rows []string }

func (d *described) Register(c prometheus.Collector) error {
	ch := make(chan *prometheus.Desc)
	go func() { c.Describe(ch); close(ch) }()
	for desc := range ch {
		m := regexp.MustCompile(`fqName: "(.*?)", help: "(.*?)", (?:unit: ".*?", )?constLabels: \{.*?\}, variableLabels: \{(.*?)\}`).FindStringSubmatch(desc.String())
		labels := ""
		if m[3] != "" {
			labels = " {" + strings.ReplaceAll(m[3], ",", ", ") + "}"
		}
		d.rows = append(d.rows, fmt.Sprintf("- `%s%s` %s\n", m[1], labels, m[2]))
	}
	return nil
}

func (d *described) MustRegister(cs ...prometheus.Collector) {
	for _, c := range cs {
		_ = d.Register(c) // never fails
	}
}

func (d *described) Unregister(prometheus.Collector) bool { return false }

// schemaFile is the configuration as a JSON Schema, for editors.
func schemaFile(t *testing.T) string {
	comments := configComments(t)
	root := schemaOf(reflect.TypeFor[config.File](), comments)
	root["$schema"], root["title"] = "https://json-schema.org/draft/2020-12/schema", "jotward.yaml"
	text, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text) + "\n"
}

func schemaOf(typ reflect.Type, comments map[string]string) map[string]any {
	switch {
	case typ == reflect.TypeFor[config.Secret]():
		return map[string]any{"type": "string", "pattern": "^(env|file):."}
	case typ.String() == "time.Duration":
		return map[string]any{"type": "string", "pattern": "^([0-9.]+(ns|us|ms|s|m|h))+$"}
	}
	switch typ.Kind() {
	case reflect.Pointer:
		return schemaOf(typ.Elem(), comments)
	case reflect.Slice:
		return map[string]any{"type": "array", "items": schemaOf(typ.Elem(), comments)}
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": schemaOf(typ.Elem(), comments)}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Int:
		return map[string]any{"type": "integer"}
	case reflect.Interface:
		return map[string]any{"type": []string{"string", "integer", "boolean"}}
	case reflect.Struct:
		properties := map[string]any{}
		fields(typ, properties, comments)
		return map[string]any{"type": "object", "additionalProperties": false, "properties": properties}
	}
	return map[string]any{"type": "string"}
}

func fields(typ reflect.Type, properties map[string]any, comments map[string]string) {
	for i := range typ.NumField() {
		f := typ.Field(i)
		if !f.IsExported() {
			continue
		}
		name, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if strings.Contains(options, "inline") {
			fields(f.Type, properties, comments)
			continue
		}
		schema := schemaOf(f.Type, comments)
		schema["description"] = comments[typ.Name()+"."+f.Name]
		properties[name] = schema
	}
}
