package jwt_test

import (
	"encoding/json"
	"errors"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

type embedded struct {
	Tenant string `json:"tenant"`
}

// shadowing has a field of the same name as its embedded struct.
type shadowing struct {
	embedded
	Tenant string `json:"tenant"`
}

type tree struct {
	Name string  `json:"name"`
	Kids []*tree `json:"kids"`
}

// shout reads itself.
type shout string

func (s *shout) UnmarshalJSON(text []byte) error {
	if string(text) == `"quiet"` {
		return errors.New("too quiet")
	}
	*s = shout(strings.ToUpper(strings.Trim(string(text), `"`)))
	return nil
}

type wide struct {
	embedded
	Bool    bool                       `json:"bool"`
	Int     int                        `json:"int"`
	Uint    uint16                     `json:"uint"`
	Float   float64                    `json:"float"`
	Text    string                     `json:"text"`
	Named   jwk.Algorithm              `json:"named"`
	List    []string                   `json:"list"`
	Numbers []int                      `json:"numbers"`
	Map     map[string]int             `json:"map"`
	Any     any                        `json:"any"`
	Raw     json.RawMessage            `json:"raw"`
	Number  json.Number                `json:"number"`
	Pointer *string                    `json:"pointer"`
	Struct  struct{ Name string }      `json:"struct"`
	Structs []struct{ A, B int }       `json:"structs"`
	When    jwt.NumericDate            `json:"auth_time"`
	Shout   shout                      `json:"shout"`
	Addr    netip.Addr                 `json:"addr"`
	Tree    *tree                      `json:"tree"`
	Maps    map[string]map[string]bool `json:"maps"`
	Skipped string                     `json:"-"`
	//lint:ignore U1000 an unexported field is what the test is about
	hidden string
}

const wideClaims = `{"tenant":"t","bool":true,"int":-5,"uint":65535,"float":1.5e2,"text":"\u00e9\n\"","named":"ES256",` +
	`"list":["a","b\\"],"numbers":[1,2,3],"map":{"x":1},"any":{"a":[1,"b",null,true]},"raw":{"x": 1},"number":12345678901234567890,` +
	`"pointer":"p","struct":{"Name":"n","name":"folded"},"structs":[{"A":1,"B":2},{"B":3}],"auth_time":1700000000,"shout":"hey",` +
	`"addr":"192.0.2.1","tree":{"name":"a","kids":[{"name":"b","kids":null}]},"maps":{"m":{"t":true}},"Skipped":"x","hidden":"x"}`

func lax() jwt.Policy {
	return jwt.Policy{SkipIssuer: true, SkipAudience: true, SkipType: true, SkipLifetime: true, Required: []string{}, Algorithms: []jwk.Algorithm{jwk.HS256}, Clock: clock}
}

func TestClaimsOfEveryType(t *testing.T) {
	k := generate(t, jwk.HS256, "")
	v, err := jwt.NewVerifier[wide](k, lax())
	if err != nil {
		t.Fatal(err)
	}
	got, err := v.Verify(ctx, sign(t, k, wideClaims))
	if err != nil {
		t.Fatal(err)
	}
	c := got.Claims
	p := "p"
	want := wide{embedded: embedded{"t"}, Bool: true, Int: -5, Uint: 65535, Float: 150, Text: "é\n\"", Named: "ES256",
		List: []string{"a", `b\`}, Numbers: []int{1, 2, 3}, Map: map[string]int{"x": 1},
		Any: map[string]any{"a": []any{1.0, "b", nil, true}}, Raw: json.RawMessage(`{"x": 1}`), Number: "12345678901234567890",
		Pointer: &p, Structs: []struct{ A, B int }{{1, 2}, {0, 3}}, When: jwt.NumericDate{Time: time.Unix(1700000000, 0).UTC()},
		Shout: "HEY", Addr: netip.MustParseAddr("192.0.2.1"), Tree: &tree{"a", []*tree{{"b", nil}}}, Maps: map[string]map[string]bool{"m": {"t": true}}}
	want.Struct.Name = "n"
	if !reflect.DeepEqual(c, want) {
		t.Errorf("%+v\nwant %+v", c, want)
	}
}

func TestClaimsOfTheWrongType(t *testing.T) {
	k := generate(t, jwk.HS256, "")
	v, err := jwt.NewVerifier[wide](k, lax())
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range map[string]string{
		"bool": `1 "true" null`, "int": `1.0 1e2 "1" null 9223372036854775808`, "uint": `-1 65536 1.5`, "float": `"1" null`,
		"text": `1 null [] {}`, "list": `"a" [1] {} [["a"]]`, "numbers": `["1"] [1.5] 1`, "map": `[] {"x":"y"} 1`,
		"number": `"1" null`, "pointer": `1 []`, "struct": `[] "x" {"Name":1}`, "structs": `{} [1]`, "auth_time": `"1" -1 1e30 null`,
		"shout": `"quiet"`, "addr": `1 "nowhere"`, "tree": `{"kids":[{"name":1}]}`, "maps": `{"m":{"t":1}}`, "tenant": `1`,
	} {
		for value := range strings.FieldsSeq(values) {
			got, err := v.Verify(ctx, sign(t, k, `{"`+name+`":`+value+`}`))
			if got != nil || jose.ReasonOf(err) != jose.ClaimsInvalid {
				t.Errorf("%s %s: %v, %v", name, value, got, err)
			}
		}
	}
}

// What cannot be read is said when the verifier is built.
func TestClaimsTypesThatCannotBe(t *testing.T) {
	k := generate(t, jwk.HS256, "")
	for name, err := range map[string]error{
		"channel":      errOf[struct{ C chan int }](k),
		"function":     errOf[struct{ F func() }](k),
		"bytes":        errOf[struct{ B []byte }](k),
		"int keys":     errOf[map[int]string](k),
		"a string":     errOf[string](k),
		"a list":       errOf[[]string](k),
		"an interface": errOf[struct{ E error }](k),
		"string option": errOf[struct {
			N int `json:"n,string"`
		}](k),
		"same name twice":  errOf[shadowing](k),
		"a map of itself":  errOf[endlessMap](k),
		"a list of itself": errOf[struct{ L endlessList }](k),
		"embedded pointer": errOf[struct{ *tree }](k), // encoding/json would read its fields
	} {
		if jose.ReasonOf(err) != jose.PolicyInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Types that have no end without a struct in their circle.
type (
	endlessMap  map[string]endlessMap
	endlessList []endlessList
	chain       struct {
		Next  *chain
		Named *tree
		Deep  []map[string][]*chain
	}
)

func TestClaimsTypesInACircle(t *testing.T) {
	k := generate(t, jwk.HS256, "")
	if err := errOf[chain](k); err != nil {
		t.Error(err)
	}
	if err := errOf[struct{ P **chain }](k); err != nil {
		t.Error(err)
	}
}

func errOf[C any](k *jwk.Key) error {
	_, err := jwt.NewVerifier[C](k, lax())
	return err
}

func TestClaimsAsMapsAndNothing(t *testing.T) {
	k := generate(t, jwk.HS256, "")
	token := sign(t, k, `{"a":[1,{"b":null}],"c":"d"}`)
	want := map[string]any{"a": []any{1.0, map[string]any{"b": nil}}, "c": "d"}
	m, err := jwt.NewVerifier[map[string]any](k, lax())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := m.Verify(ctx, token); err != nil || !reflect.DeepEqual(got.Claims, want) {
		t.Errorf("%v, %v", got, err)
	}
	a, err := jwt.NewVerifier[any](k, lax())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := a.Verify(ctx, token); err != nil || !reflect.DeepEqual(got.Claims, any(want)) {
		t.Errorf("%v, %v", got, err)
	}
	r, err := jwt.NewVerifier[json.RawMessage](k, lax())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := r.Verify(ctx, token); err != nil || string(got.Claims) != `{"a":[1,{"b":null}],"c":"d"}` {
		t.Errorf("%v, %v", got, err)
	}
	// A number that a float32 does not hold would be infinite.
	small, err := jwt.NewVerifier[struct {
		F float32 `json:"f"`
	}](k, lax())
	if err != nil {
		t.Fatal(err)
	}
	for value, want := range map[string]jose.Reason{"3.4e38": "", "1e39": jose.ClaimsInvalid, "-1e39": jose.ClaimsInvalid, "1e300": jose.ClaimsInvalid} {
		if got, err := small.Verify(ctx, sign(t, k, `{"f":`+value+`}`)); jose.ReasonOf(err) != want {
			t.Errorf("%s: %v, %v", value, got, err)
		}
	}
	// A claim of another type is no reason to leave the others out.
	s, err := jwt.NewVerifier[map[string]string](k, lax())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := s.Verify(ctx, token); got != nil || jose.ReasonOf(err) != jose.ClaimsInvalid {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := s.Verify(ctx, sign(t, k, `{"a":"b","c":"d"}`)); err != nil || !reflect.DeepEqual(got.Claims, map[string]string{"a": "b", "c": "d"}) {
		t.Errorf("%v, %v", got, err)
	}
	n, err := jwt.NewVerifier[struct{}](k, lax())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.Verify(ctx, token); err != nil {
		t.Error(err)
	}
}

func TestNumericDate(t *testing.T) {
	text, err := json.Marshal(struct {
		T jwt.NumericDate `json:"auth_time"`
	}{jwt.NumericDate{Time: time.Unix(1700000000, 999)}})
	if err != nil || string(text) != `{"auth_time":1700000000}` {
		t.Errorf("%s, %v", text, err)
	}
	var d jwt.NumericDate
	for _, bad := range []string{`"1"`, `-1`, `null`, `1e400`, `253402300800`, `1}`, ``} {
		if err := d.UnmarshalJSON([]byte(bad)); err == nil {
			t.Errorf("%s is taken for %v", bad, d)
		}
	}
	if _, err := json.Marshal(jwt.NumericDate{Time: time.Unix(-1, 0)}); err == nil {
		t.Error("a date before 1970 is written")
	}
}
