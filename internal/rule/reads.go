package rule

import (
	"fmt"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// reads is what of a request an expression looks at, as far as its text tells.
type reads struct {
	members   map[string]bool // of the request
	headers   []headerName
	any       bool                // it may look at any header: it makes a name while it runs, or takes them all
	spellings map[string][]string // its texts that are names of headers, by what they fold to; where any
	path      bool                // or what the path has for parameters
	cased     []string            // its texts with capitals, which a path may have in another case
}

// readsOf walks an expression. It fails for the name of a header that no request has.
func readsOf(a *cel.Ast) (x reads, err error) {
	x.spellings, x.members = map[string][]string{}, map[string]bool{}
	names := map[string]bool{}
	var walk func(ast.NavigableExpr)
	walk = func(e ast.NavigableExpr) {
		switch e.Kind() {
		case ast.LiteralKind:
			if text, ok := e.AsLiteral().(types.String); ok {
				x.text(string(text))
			}
		case ast.IdentKind:
			if e.AsIdent() == "request" || e.AsIdent() == ".request" {
				x.use(e, names)
			}
		}
		for _, child := range e.Children() {
			walk(child)
		}
	}
	walk(ast.NavigateAST(a.NativeRep()))
	for name := range names {
		if name != lower(name) {
			return x, fmt.Errorf("cel: no header is called %q here: write names of headers in lower case", name)
		}
		x.headers = append(x.headers, newHeaderName(name))
	}
	return x, nil
}

func (x *reads) text(text string) {
	if text != lower(text) {
		x.cased = append(x.cased, text)
	}
	if name := lower(text); name == text {
		x.spellings[foldName(name)] = append(x.spellings[foldName(name)], name)
	}
}

// use notes what is taken of the request where it stands in an expression. What is not one
// known member is everything.
func (x *reads) use(request ast.NavigableExpr, names map[string]bool) {
	member, whole, ok := memberOf(request)
	x.members[member] = true
	switch {
	case !ok:
		x.any, x.path = true, true
	case member == "path", member == "parameters":
		x.path = true
	case member == "headers":
		if name, _, ok := memberOf(whole); ok {
			names[name] = true
			return
		}
		x.any = true
	}
}

// memberOf returns the name of the member that an expression takes of a map, if the name is
// written there, and the expression that gives the member.
func memberOf(of ast.NavigableExpr) (name string, member ast.NavigableExpr, ok bool) {
	parent, ok := of.Parent()
	if !ok {
		return "", nil, false
	}
	switch parent.Kind() {
	case ast.SelectKind:
		return parent.AsSelect().FieldName(), parent, true
	case ast.CallKind:
		call := parent.AsCall()
		at, key := 0, 1
		if call.FunctionName() == operators.In {
			at, key = 1, 0
		} else if call.FunctionName() != operators.Index {
			return "", nil, false
		}
		if args := call.Args(); len(args) == 2 && args[at].ID() == of.ID() && args[key].Kind() == ast.LiteralKind {
			text, ok := args[key].AsLiteral().(types.String)
			return string(text), parent, ok
		}
	}
	return "", nil, false
}
