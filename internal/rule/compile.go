package rule

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// A Set is a list of rules, compiled. Its zero value is refused by New.
type Set struct {
	rules    []compiled
	standard Action
	shadow   bool // some rule is only watched
}

type compiled struct {
	Rule
	when   *conditions
	unless *conditions // nil: no exception
}

// New compiles rules. standard is what is decided when none decides: Deny or
// Allow, Deny if it is empty. It fails with all that is wrong, each with the
// rule's name.
func New(rules []Rule, standard Action) (*Set, error) {
	s := &Set{standard: standard}
	var errs []error
	switch standard {
	case "":
		s.standard = Deny
	case Deny, Allow:
	default:
		errs = append(errs, fmt.Errorf("default %q is neither deny nor allow", standard))
	}
	names := map[string]bool{}
	for _, r := range rules {
		c, err := compile(r)
		if err == nil && names[r.Name] {
			err = errors.New("is listed twice: name each once")
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("rule %q: %w", r.Name, err))
			continue
		}
		names[r.Name] = true
		s.rules, s.shadow = append(s.rules, c), s.shadow || r.Shadow
	}
	return s, errors.Join(errs...)
}

func compile(r Rule) (c compiled, err error) {
	c.Rule = r
	c.ACRValues = slices.Clone(r.ACRValues)
	if r.Name == "" || strings.Trim(r.Name, nameBytes) != "" {
		return c, errors.New("its name is not of letters, digits, - . and _")
	}
	switch r.Action {
	case Allow, Deny, Challenge, Log:
	default:
		return c, fmt.Errorf("action %q is not allow, deny, challenge or log", r.Action)
	}
	if (len(r.ACRValues) > 0 || r.MaxAge != 0) != (r.Action == Challenge) {
		return c, errors.New("acr_values and max_age belong to challenge, which needs one of them")
	}
	for _, acr := range r.ACRValues {
		if !plain(acr) {
			return c, errors.New("acr_values: a value is not of printable ASCII without blanks and quotes")
		}
	}
	if r.MaxAge < 0 || r.MaxAge%time.Second != 0 {
		return c, errors.New("max_age is not a whole number of seconds")
	}
	if c.when, err = r.When.compile(); err != nil {
		return c, fmt.Errorf("when: %w", err)
	}
	if c.unless, err = r.Unless.compile(); err != nil {
		return c, fmt.Errorf("unless: %w", err)
	}
	if c.unless.empty() {
		c.unless = nil
	}
	return c, nil
}

const nameBytes = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."

// plain is what a quoted parameter of a challenge can hold unchanged (RFC 9470 3).
func plain(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c >= 0x7f || c == '"' || c == '\\' })
}

// A list condition holds when one (or all) of want are there.
type list struct {
	want []string
	of   func(*Request) []string
	all  bool
}

// conditions are Conditions in the form that is asked, cheap ones first.
type conditions struct {
	methods    []string
	paths      []template
	parameters []pair
	headers    []headerValue
	networks   []netip.Prefix
	times      []span
	issuers    []string
	lists      []list
	claims     []membership
	contains   []membership
	cel        *expression
}

type pair struct{ name, value string }

type headerValue struct {
	headerName
	value string
}

type membership struct {
	claim string
	want  []any
}

func (c *conditions) empty() bool {
	return len(c.methods)+len(c.paths)+len(c.headers)+len(c.networks)+len(c.times)+len(c.issuers)+len(c.lists)+len(c.claims)+len(c.contains) == 0 && c.cel == nil
}

func (w *Conditions) compile() (*conditions, error) {
	c := &conditions{methods: slices.Clone(w.Methods), issuers: slices.Clone(w.Issuers)}
	for _, m := range w.Methods {
		if m == "" || strings.Trim(m, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
			return nil, fmt.Errorf("method %q is invalid: write it in capitals", m)
		}
	}
	if err := c.compilePaths(w); err != nil {
		return nil, err
	}
	for name, value := range w.Headers {
		if name == "" || strings.Trim(name, nameBytes) != "" {
			return nil, fmt.Errorf("header %q is no name", name)
		}
		c.headers = append(c.headers, headerValue{newHeaderName(name), value})
	}
	for _, text := range w.Networks {
		p, err := netip.ParsePrefix(text)
		if err != nil || p.Addr().Zone() != "" || p.Addr().Is4In6() {
			return nil, fmt.Errorf("%q is no network: write 10.0.0.0/8 or fd00::/8", text)
		}
		c.networks = append(c.networks, p)
	}
	for _, text := range w.Times {
		s, err := parseSpan(text)
		if err != nil {
			return nil, fmt.Errorf("time %q: %w", text, err)
		}
		c.times = append(c.times, s)
	}
	c.compileLists(w)
	var err error
	if c.claims, err = memberships(w.Claims, true); err == nil {
		c.contains, err = memberships(w.Contains, false)
	}
	if err == nil && w.CEL != "" {
		c.cel, err = compileCEL(w.CEL)
	}
	return c, err
}

func (c *conditions) compilePaths(w *Conditions) error {
	for _, text := range w.Paths {
		t, err := parseTemplate(text)
		if err != nil {
			return fmt.Errorf("path %q: %w", text, err)
		}
		c.paths = append(c.paths, t)
	}
	for parameter, claim := range w.Parameters {
		for _, t := range c.paths {
			if !slices.Contains(t.names, parameter) {
				return fmt.Errorf("parameters: path %q has no {%s}", t.text, parameter)
			}
		}
		if len(c.paths) == 0 || claim == "" {
			return fmt.Errorf("parameter %q needs paths that name it, and a claim", parameter)
		}
		c.parameters = append(c.parameters, pair{parameter, claim})
	}
	return nil
}

func (c *conditions) compileLists(w *Conditions) {
	for _, l := range []list{
		{w.Audiences, func(r *Request) []string { return r.Audiences }, false},
		{w.Scopes, func(r *Request) []string { return r.Scopes }, true},
		{w.AnyScope, func(r *Request) []string { return r.Scopes }, false},
		{w.Roles, func(r *Request) []string { return r.Roles }, true},
		{w.AnyRole, func(r *Request) []string { return r.Roles }, false},
		{w.Permissions, func(r *Request) []string { return r.Permissions }, true},
		{w.AnyPermission, func(r *Request) []string { return r.Permissions }, false},
	} {
		if len(l.want) > 0 {
			l.want = slices.Clone(l.want)
			c.lists = append(c.lists, l)
		}
	}
}

// memberships compiles claims with the value, or with one of the values, that is
// wanted.
func memberships(claims map[string]any, lists bool) ([]membership, error) {
	var out []membership
	for name, want := range claims {
		m := membership{claim: name}
		values, isList := want.([]any)
		if !isList || !lists {
			values = []any{want}
		}
		for _, v := range values {
			x, ok := Scalar(v)
			if !ok {
				return nil, fmt.Errorf("claim %q: want is neither a string, a whole number nor a boolean", name)
			}
			m.want = append(m.want, x)
		}
		if name == "" || len(m.want) == 0 {
			return nil, fmt.Errorf("claim %q: name and value are needed", name)
		}
		out = append(out, m)
	}
	return out, nil
}

// Scalar returns a value in the one form in which it equals a claim of the same
// type and value: a string, a boolean, or a float64 that is a whole number which
// no other rounds to. YAML readers give whole numbers several types.
func Scalar(v any) (any, bool) {
	switch x := v.(type) {
	case string, bool:
		return x, true
	case int:
		v = float64(x)
	case int64:
		v = float64(x)
	case uint64:
		v = float64(x)
	}
	f, ok := v.(float64)
	return f, ok && f == math.Trunc(f) && math.Abs(f) < 1<<53
}
