package rule

import (
	"errors"
	"fmt"
	"math"
	"slices"
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
	text    string
	program cel.Program
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
	program, err := build(env, text, func(t *cel.Type) error {
		if t != cel.BoolType {
			return fmt.Errorf("cel: the expression gives %s, not true or false", t)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &expression{text: text, program: program}, nil
}

// build compiles an expression whose result fits, and which never costs too much.
func build(env *cel.Env, text string, fits func(*cel.Type) error) (cel.Program, error) {
	ast, issues := env.Compile(text)
	if issues.Err() != nil {
		return nil, fmt.Errorf("cel: %w", issues.Err())
	}
	if err := fits(ast.OutputType()); err != nil {
		return nil, err
	}
	estimate, err := env.EstimateCost(ast, sizes{})
	if err != nil {
		return nil, fmt.Errorf("cel: %w", err)
	}
	if estimate.Max > MaxCost {
		return nil, fmt.Errorf("cel: the expression may cost %d, at most %d is allowed: have it look at less", estimate.Max, MaxCost)
	}
	program, err := env.Program(ast)
	if err != nil {
		return nil, fmt.Errorf("cel: %w", err)
	}
	return program, nil
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

// holds evaluates the expression. One that fails, for a claim that is not there
// or of another type, holds where that refuses.
func (e *expression) holds(m *matcher, paths []template, wide bool) bool {
	if held := e.holdsFor(m, m.request, paths, wide); held || !wide || m.request.plain() {
		return held
	}
	list, ok := m.request.readings() // an upstream may read it otherwise than the expression
	return !ok || slices.ContainsFunc(list, func(r *Request) bool { return e.holdsFor(m, r, paths, wide) })
}

func (e *expression) holdsFor(m *matcher, r *Request, paths []template, wide bool) bool {
	out, _, err := e.program.Eval(&activation{request: r, paths: paths})
	if err == nil {
		if yes, ok := out.Value().(bool); ok {
			return yes
		}
		err = errNotBool
	}
	if m.failed == nil {
		m.failed = err
	}
	return wide
}

// activation gives an expression its variables, made only when they are asked for.
type activation struct {
	request *Request
	paths   []template
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
		headers := make(map[string]any, len(r.Header))
		for name, values := range r.Header {
			if len(values) == 1 { // of several, none is the one
				headers[lower(name)] = values[0]
			}
		}
		out := map[string]any{"method": r.Method, "host": r.Host, "path": r.Path, "headers": headers, "time": r.Now, "parameters": a.parameters(), "address": ""}
		if r.Address.IsValid() {
			out["address"] = r.Address.String()
		}
		return out, true
	}
	return nil, false
}

// Parent implements interpreter.Activation.
func (a *activation) Parent() interpreter.Activation { return nil }

func (a *activation) parameters() map[string]any {
	for i := range a.paths {
		if t := &a.paths[i]; t.holds(a.request, nil, true) {
			return t.parameters(a.request.Path)
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
