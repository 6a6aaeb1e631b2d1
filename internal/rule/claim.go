package rule

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/interpreter"
)

// Bounds of a claim that an expression gives.
const (
	MaxExpression = 2 << 10 // bytes of its text
	MaxClaim      = 1 << 10 // bytes of its value as JSON
	maxDepth      = 4       // lists and objects within one another
)

// claimVariables are what claim expressions see, each with its type: a name or a type that
// is not there is refused when the expression is saved.
var claimVariables = map[string]*cel.Type{
	"account.id": cel.StringType, "account.username": cel.StringType, "account.email": cel.StringType,
	"account.roles": cel.ListType(cel.StringType), "account.permissions": cel.ListType(cel.StringType),
	"client.id": cel.StringType, "client.roles": cel.ListType(cel.StringType), "client.audiences": cel.ListType(cel.StringType),
	"request.scope": cel.ListType(cel.StringType), "request.audience": cel.ListType(cel.StringType),
	"request.grant_type": cel.StringType, "request.acr": cel.StringType,
}

// Facts are the values of the variables of a claim expression, by name.
type Facts map[string]any

// ResolveName implements interpreter.Activation.
func (f Facts) ResolveName(name string) (any, bool) { v, ok := f[name]; return v, ok }

// Parent implements interpreter.Activation.
func (f Facts) Parent() interpreter.Activation { return nil }

var claimEnvironment = sync.OnceValues(func() (*cel.Env, error) {
	list := []cel.EnvOption{cel.CrossTypeNumericComparisons(true)}
	for name, t := range claimVariables {
		list = append(list, cel.Variable(name, t))
	}
	return cel.NewEnv(list...)
})

// A Claim is a compiled CEL expression that gives the value of a claim.
type Claim struct{ program cel.Program }

// CompileClaim compiles an expression. It fails for one that is too long, that names what
// is not there, that may cost more than MaxCost, or whose result no claim can hold.
func CompileClaim(text string) (*Claim, error) {
	if len(text) > MaxExpression {
		return nil, fmt.Errorf("cel: the expression is over %d bytes", MaxExpression)
	}
	env, err := claimEnvironment()
	if err != nil {
		return nil, err
	}
	program, _, err := build(env, text, func(t *cel.Type) error {
		switch t.Kind() {
		case types.StringKind, types.BoolKind, types.IntKind, types.UintKind, types.DoubleKind, types.ListKind, types.MapKind, types.DynKind, types.NullTypeKind:
			return nil
		}
		return fmt.Errorf("cel: the expression gives %s, which is nothing of JSON", t)
	})
	if err != nil {
		return nil, err
	}
	return &Claim{program}, nil
}

// Value evaluates the expression: nil where it gives null. It fails where the expression
// does, and for a value that is too large, too deep, or nothing of JSON.
func (c *Claim) Value(f Facts) (any, error) {
	out, _, err := c.program.Eval(f)
	if err != nil {
		return nil, err
	}
	v, err := native(out, maxDepth)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(v)
	if err != nil || len(text) > MaxClaim {
		return nil, errors.Join(fmt.Errorf("the value is over %d bytes, or no JSON", MaxClaim), err)
	}
	return v, nil
}

// native turns a value of CEL into one that encoding/json writes as it is.
func native(v ref.Val, depth int) (any, error) {
	switch x := v.(type) {
	case types.String:
		return string(x), nil
	case types.Bool:
		return bool(x), nil
	case types.Null:
		return nil, nil
	case types.Int:
		if x > 1<<53 || x < -1<<53 {
			return nil, errors.New("the number is none that every reader of JSON knows (RFC 8259 6)")
		}
		return int64(x), nil
	case types.Uint:
		return native(types.Int(min(uint64(x), math.MaxInt64)), depth)
	case types.Double:
		return float64(x), nil
	case traits.Mapper:
		return nativeMap(x, depth-1)
	case traits.Lister:
		list := []any{}
		for i := x.Iterator(); i.HasNext() == types.True && depth > 0; {
			v, err := native(i.Next(), depth-1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, tooDeep(depth)
	}
	return nil, fmt.Errorf("%s is nothing of JSON", v.Type())
}

func nativeMap(m traits.Mapper, depth int) (any, error) {
	out := map[string]any{}
	for i := m.Iterator(); i.HasNext() == types.True && depth >= 0; {
		key := i.Next()
		name, ok := key.(types.String)
		if !ok {
			return nil, errors.New("a member's name is no text")
		}
		v, err := native(m.Get(key), depth)
		if err != nil {
			return nil, err
		}
		out[string(name)] = v
	}
	return out, tooDeep(depth + 1)
}

func tooDeep(depth int) error {
	if depth <= 0 {
		return errors.New("lists and objects stand too deep in one another")
	}
	return nil
}

// Claims keeps the expressions that it has compiled. Its zero value is ready.
type Claims struct {
	mu   sync.Mutex
	kept map[string]*Claim
}

// maxKept bounds how many are kept; then it begins anew.
const maxKept = 1024

// Compile is CompileClaim, once for each text.
func (c *Claims) Compile(text string) (*Claim, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.kept[text]; e != nil {
		return e, nil
	}
	e, err := CompileClaim(text)
	if err != nil {
		return nil, err
	}
	if c.kept == nil || len(c.kept) >= maxKept {
		c.kept = map[string]*Claim{}
	}
	c.kept[text] = e
	return e, nil
}
