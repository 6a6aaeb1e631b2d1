package header

import (
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/b64"
	"github.com/jotward/jotward/jose/internal/claimset"
	"github.com/jotward/jotward/jose/internal/strictjson"
)

// decided are the Header Parameters that keys and options decide. A caller's cannot
// stand in their places: they would say something else than was done.
var decided = map[string]bool{
	"alg": true, "enc": true, "kid": true, "typ": true, "cty": true, "zip": true, "crit": true, "b64": true,
	"epk": true, "apu": true, "apv": true, "iv": true, "tag": true, "p2s": true, "p2c": true,
}

// Write returns the encoded header of what was decided, a struct, and of a caller's
// parameters after that. typ and cty are among the former and are looked at once more,
// for encoding/json would write U+FFFD for what is no UTF-8. It fails with HeaderInvalid
// for what no reader of this package would take.
func Write(members any, typ, cty string, parameters map[string]any) (string, error) {
	if !utf8.ValidString(typ) || !utf8.ValidString(cty) {
		return "", fail(jose.HeaderInvalid, "typ or cty is not UTF-8")
	}
	text, err := json.Marshal(members)
	if err != nil {
		return "", jose.NewError(jose.HeaderInvalid, "the header cannot be written", err)
	}
	if len(parameters) > 0 {
		if text, err = add(text, parameters); err != nil {
			return "", err
		}
	}
	segment := b64.Encode(text)
	if len(segment) > MaxSize {
		return "", fail(jose.HeaderInvalid, "header is too large")
	}
	return segment, nil
}

// add writes parameters into an object, in the order of their names.
func add(object []byte, parameters map[string]any) ([]byte, error) {
	more, _, err := claimset.Marshal(parameters)
	if err != nil {
		for name, value := range parameters { // which it was
			if _, _, alone := claimset.Marshal(map[string]any{name: value}); alone != nil {
				return nil, jose.NewError(jose.HeaderInvalid, fmt.Sprintf("the parameter %q cannot be written", name), err)
			}
		}
		return nil, jose.NewError(jose.HeaderInvalid, "the parameters cannot be written", err)
	}
	var d strictjson.Doc
	if err := d.Scan(string(more)); err != nil { // a parameter's own MarshalJSON may write anything
		return nil, fail(jose.HeaderInvalid, "parameters: "+err.Error())
	}
	var none string
	common := Common{KeyID: &none, Type: &none, ContentType: &none}
	for _, m := range d.Members() {
		if decided[m.Name] {
			return nil, fail(jose.HeaderInvalid, m.Name+" is decided by the key and the options")
		}
		if _, err := common.Read(m); err != nil {
			return nil, err
		}
	}
	if len(object) > len("{}") {
		more[0] = ','
		return append(object[:len(object)-1], more...), nil
	}
	return more, nil
}
