package rule

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// MaxSchema bounds the text of a schema, in bytes of its JSON.
const MaxSchema = 64 << 10

// A Schema is what the claims of a token must be (JSON Schema, draft 2020-12 unless it
// names another). Its patterns are Go's, so that no value makes one slow.
type Schema struct{ compiled *jsonschema.Schema }

// CompileSchema compiles a JSON Schema, decoded from JSON or YAML. It fails for one that is
// none, is over MaxSchema, or refers to anything outside itself: it is never fetched.
func CompileSchema(document map[string]any) (*Schema, error) {
	text, err := json.Marshal(document)
	if err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	if len(text) > MaxSchema {
		return nil, fmt.Errorf("schema: it is over %d bytes", MaxSchema)
	}
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	const name = "urn:jotward:claims"
	c := jsonschema.NewCompiler()
	c.UseLoader(alone{})
	c.AssertFormat()
	if err := c.AddResource(name, parsed); err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	compiled, err := c.Compile(name)
	if err != nil {
		return nil, errors.New("schema: " + strings.Join(strings.Fields(err.Error()), " ")) // it takes lines
	}
	return &Schema{compiled}, nil
}

// alone loads nothing.
type alone struct{}

func (alone) Load(string) (any, error) {
	return nil, errors.New("it refers to another document: write it into this one ($defs)")
}

// Check says where claims, decoded from JSON, first do not fit and by which keyword, and
// nothing of their values. A nil Schema fits all.
func (s *Schema) Check(claims map[string]any) error {
	if s == nil {
		return nil
	}
	err := s.compiled.Validate(claims)
	fault, ok := errors.AsType[*jsonschema.ValidationError](err)
	if !ok {
		return err
	}
	for len(fault.Causes) > 0 {
		fault = fault.Causes[0]
	}
	keyword := strings.Join(fault.ErrorKind.KeywordPath(), "/")
	if k, ok := fault.ErrorKind.(*kind.Required); ok { // the schema's own words
		keyword += " " + strings.Join(k.Missing, " ")
	}
	return fmt.Errorf("schema: the claims at %.200q do not fit: %s", "/"+strings.Join(fault.InstanceLocation, "/"), keyword)
}
