package config

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// EnvPrefix begins every environment variable that stands over the file.
const EnvPrefix = "JOTWARD_"

// A leaf is one value that a file may set, found by walking the structs.
type leaf struct {
	path  string // as in the file: issuer.admin.listen
	value reflect.Value
}

// env is the variable that stands over a leaf: JOTWARD_ISSUER_ADMIN_LISTEN.
func (l leaf) env() string {
	return EnvPrefix + strings.ToUpper(strings.ReplaceAll(l.path, ".", "_"))
}

// single reports whether one string can hold the value: lists of structs and
// maps are for the file alone.
func (l leaf) single() bool {
	t := l.value.Type()
	if t.Kind() == reflect.Slice {
		return t.Elem().Kind() == reflect.String
	}
	return t.Kind() != reflect.Map && !strings.Contains(l.path, "[")
}

var secretType = reflect.TypeFor[Secret]()

// walk calls visit for every leaf under v, and for the elements of lists.
func walk(path string, v reflect.Value, visit func(leaf)) {
	switch {
	case v.Kind() == reflect.Pointer:
		if !v.IsNil() {
			walk(path, v.Elem(), visit)
		}
	case v.Type() == secretType || v.Kind() != reflect.Struct:
		visit(leaf{path, v})
		if v.Kind() == reflect.Slice {
			for i := range v.Len() {
				walk(index(path, i), v.Index(i), visit)
			}
		}
	default:
		for i := range v.NumField() {
			field := v.Type().Field(i)
			if !field.IsExported() {
				continue
			}
			name, options, _ := strings.Cut(field.Tag.Get("yaml"), ",")
			if strings.Contains(options, "inline") {
				walk(path, v.Field(i), visit)
				continue
			}
			walk(strings.TrimPrefix(path+"."+name, "."), v.Field(i), visit)
		}
	}
}

// overlay lays JOTWARD_ISSUER_… and JOTWARD_EDGE_… over what the file says. A
// variable that names nothing is a mistake, not a comment.
func overlay(f *File, environ []string, p *problems) {
	given := map[string]string{}
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		section, _, ok := strings.Cut(strings.TrimPrefix(name, EnvPrefix), "_")
		if !ok || !strings.HasPrefix(name, EnvPrefix) || section != "ISSUER" && section != "EDGE" {
			continue
		}
		given[name] = value
		if section == "ISSUER" && f.Issuer == nil {
			f.Issuer = new(Issuer)
		}
		if section == "EDGE" && f.Edge == nil {
			f.Edge = new(EdgeService)
		}
	}
	walk("", reflect.ValueOf(f), func(l leaf) {
		if l.value.Type() == secretType { // a variable that is referred to is no override
			delete(given, strings.TrimPrefix(l.value.Interface().(Secret).ref, "env:"))
		}
		text, ok := given[l.env()]
		if !ok || !l.single() {
			return
		}
		delete(given, l.env())
		if l.value.Type() == reflect.TypeFor[[]string]() {
			l.value.Set(reflect.ValueOf(strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })))
			return
		}
		switch {
		case l.value.Kind() == reflect.String:
			l.value.SetString(text)
			return
		case l.value.Type() == secretType && !strings.HasPrefix(text, "env:") && !strings.HasPrefix(text, "file:"):
			l.value.Set(reflect.ValueOf(Secret{ref: "env:" + l.env(), value: text}))
			return
		}
		if err := yaml.Load([]byte(text), l.value.Addr().Interface()); err != nil {
			p.add(l.path, "environment variable "+l.env()+" does not fit: compare it with docs/reference/config.md")
		}
	})
	for _, name := range slices.Sorted(maps.Keys(given)) {
		p.add("", "environment variable "+name+" names no key: see docs/reference/config.md")
	}
}

// resolve reads every secret that the configuration refers to.
func resolve(f *File, p *problems) {
	walk("", reflect.ValueOf(f), func(l leaf) {
		if l.value.Type() != secretType {
			return
		}
		if err := l.value.Addr().Interface().(*Secret).resolve(); err != nil {
			p.add(l.path, err.Error())
		}
	})
}
