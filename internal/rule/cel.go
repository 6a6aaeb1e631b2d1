package rule

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/interpreter"
)

// MaxCost bounds an expression's estimated cost, in CEL's units, when it is
// compiled: a comparison costs a few, a scan of a list its length. What a token
// and a header can hold at most is assumed for every text and list, so that no
// request makes an expression dear.
const MaxCost = 100_000

// What a claim or a header is assumed to hold at most.
const (
	maxText  = 8 << 10
	maxItems = 1 << 10
)

// An expression is a compiled CEL condition.
type expression struct {
	program cel.Program
	reads   reads
}

// environment declares what expressions see. Numbers of claims are doubles, and
// compare with whole numbers.
var environment = sync.OnceValues(func() (*cel.Env, error) {
	return cel.NewEnv(cel.CrossTypeNumericComparisons(true),
		cel.Variable("claims", cel.MapType(cel.StringType, cel.DynType)),
		cel.Variable("request", cel.MapType(cel.StringType, cel.DynType)))
})

func compileCEL(text string) (*expression, error) {
	env, err := environment()
	if err != nil {
		return nil, err
	}
	program, a, err := build(env, text, func(t *cel.Type) error {
		if t != cel.BoolType {
			return fmt.Errorf("cel: the expression gives %s, not true or false", t)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	x, err := readsOf(a)
	if err != nil {
		return nil, err
	}
	return &expression{program: program, reads: x}, nil
}

// build compiles an expression whose result fits, and which never costs too much.
func build(env *cel.Env, text string, fits func(*cel.Type) error) (cel.Program, *cel.Ast, error) {
	ast, issues := env.Compile(text)
	if issues.Err() != nil {
		return nil, nil, fmt.Errorf("cel: %w", issues.Err())
	}
	if err := fits(ast.OutputType()); err != nil {
		return nil, nil, err
	}
	estimate, err := env.EstimateCost(ast, sizes{})
	if err != nil {
		return nil, nil, fmt.Errorf("cel: %w", err)
	}
	if estimate.Max > MaxCost {
		return nil, nil, fmt.Errorf("cel: the expression may cost %d, at most %d is allowed: have it look at less", estimate.Max, MaxCost)
	}
	program, err := env.Program(ast)
	if err != nil {
		return nil, nil, fmt.Errorf("cel: %w", err)
	}
	return program, ast, nil
}

// sizes tells the estimator how long inputs can be.
type sizes struct{}

// EstimateSize implements cost.Estimator.
func (sizes) EstimateSize(node cost.AstNode) *cost.SizeEstimate {
	if t := node.Type(); t != nil && (t.Kind() == types.ListKind || t.Kind() == types.MapKind) {
		return &cost.SizeEstimate{Max: maxItems}
	}
	return &cost.SizeEstimate{Max: maxText}
}

// EstimateCallCost implements cost.Estimator: the standard estimates hold.
func (sizes) EstimateCallCost(string, string, *cost.AstNode, []cost.AstNode) *cost.CallEstimate {
	return nil
}

var errNotBool = errors.New("the expression gave neither true nor false")

// holds evaluates the expression for every way in which the request may be read where it
// goes: a ban holds if it does in one of them, and what allows must hold in all. It fails for a
// claim that is not there or of another type, and then holds where that refuses.
func (e *expression) holds(m *matcher, paths []template, wide bool) bool {
	a := activation{of: e, request: m.request, paths: paths, path: m.request.Path}
	if e.eval(m, &a, wide) == wide {
		return wide
	}
	x, err := e.readings(m, wide)
	if err != nil {
		m.fail(err)
		return wide
	}
	if len(x.paths) == 1 && len(x.doubts) == 0 {
		return !wide
	}
	headers, held := e.headersOf(m.request), !wide
	x.each(func(path string, choice []int) bool {
		a.path, a.headers, a.made = path, x.as(headers, choice), nil
		held = e.eval(m, &a, wide)
		return held != wide
	})
	return held
}

func (e *expression) eval(m *matcher, a *activation, wide bool) bool {
	out, _, err := e.program.Eval(a)
	if err == nil {
		if yes, ok := out.Value().(bool); ok {
			return yes
		}
		err = errNotBool
	}
	m.fail(err)
	return wide
}

func (m *matcher) fail(err error) {
	if m.failed == nil {
		m.failed = err
	}
}

// activation gives an expression its variables, made only when they are asked for.
type activation struct {
	of      *expression
	request *Request
	paths   []template
	path    string
	headers map[string]any // nil: as they came
	made    map[string]any // the request
}

// ResolveName implements interpreter.Activation.
func (a *activation) ResolveName(name string) (any, bool) {
	r := a.request
	switch name {
	case "claims":
		if r.Claims == nil {
			return map[string]any{}, true
		}
		return r.Claims, true
	case "request":
		if a.made == nil {
			a.made = a.make()
		}
		return a.made, true
	}
	return nil, false
}

// make builds the request, with no more than the expression looks at.
func (a *activation) make() map[string]any {
	out := make(map[string]any, len(a.of.reads.members))
	for member, of := range members {
		if a.of.reads.any || a.of.reads.members[member] {
			if v := of(a); v != nil {
				out[member] = v
			}
		}
	}
	return out
}

// members are what a request has for expressions.
var members = map[string]func(*activation) any{
	"method": func(a *activation) any { return a.request.Method },
	"host":   func(a *activation) any { return a.request.Host },
	"path":   func(a *activation) any { return a.path },
	"time":   func(a *activation) any { return a.request.Now },
	"address": func(a *activation) any {
		if a.request.Address.IsValid() {
			return a.request.Address.Unmap().String()
		}
		return nil // not there, so that an expression that needs it fails
	},
	"parameters": func(a *activation) any { return a.parameters() },
	"headers": func(a *activation) any {
		if a.headers == nil {
			a.headers = a.of.headersOf(a.request)
		}
		return a.headers
	},
}

// Parent implements interpreter.Activation.
func (a *activation) Parent() interpreter.Activation { return nil }

func (a *activation) parameters() map[string]any {
	for i := range a.paths {
		if t := &a.paths[i]; t.holds(a.request, nil, true) {
			return t.parameters(a.path)
		}
	}
	return map[string]any{}
}

func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 32
		}
	}
	return string(b)
}

// formatWhole writes a whole number as a path would hold it.
func formatWhole(f float64) string {
	if math.Abs(f) >= 1<<53 {
		return ""
	}
	return strconv.FormatInt(int64(f), 10)
}
