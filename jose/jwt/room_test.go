package jwt_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

// plain are claims of every kind that is read without a method of the caller's.
type plain struct {
	Text    string                `json:"text"`
	Whole   int64                 `json:"whole"`
	Small   int8                  `json:"small"`
	Float   float64               `json:"float"`
	Bool    bool                  `json:"bool"`
	List    []string              `json:"list"`
	Numbers []int                 `json:"numbers"`
	Map     map[string]int        `json:"map"`
	Any     any                   `json:"any"`
	Raw     json.RawMessage       `json:"raw"`
	Number  json.Number           `json:"number"`
	Pointer *string               `json:"pointer"`
	Struct  struct{ Name string } `json:"struct"`
	Structs []struct{ A int }     `json:"structs"`
	When    jwt.NumericDate       `json:"when"`
}

const plainClaims = `{"text":"t","whole":-5,"small":7,"float":1.5,"bool":true,"list":["a","b"],"numbers":[1,2],"map":{"x":1},"any":{"a":[1]},` +
	`"raw":{"x":1},"number":12,"pointer":"p","struct":{"Name":"n"},"structs":[{"A":1}],"when":1700000000}`

// Claims are read where the last token's were: nothing of that may show in the
// next one, accepted or refused, nor change under whoever kept the one before.
func TestNothingIsLeftOver(t *testing.T) {
	k := generate(t, jwk.HS256, "")
	v, err := jwt.NewVerifier[plain](k, lax())
	if err != nil {
		t.Fatal(err)
	}
	full, empty := sign(t, k, plainClaims), sign(t, k, `{}`)
	others := sign(t, k, plainClaims[:len(plainClaims)-1]+`,"Whole":1,"more":0}`)
	wrong := sign(t, k, strings.Replace(plainClaims, `"bool":true`, `"bool":1`, 1))
	want := read[plain](t, plainClaims)
	first, err := v.Verify(ctx, full)
	if err != nil || !reflect.DeepEqual(first.Claims, want) {
		t.Fatalf("%v, %+v\nwant %+v", err, first, want)
	}
	for range 20 {
		if got, err := v.Verify(ctx, others); err != nil || !reflect.DeepEqual(got.Claims, want) {
			t.Fatal(got, err)
		}
		if got, err := v.Verify(ctx, wrong); err == nil {
			t.Fatal(got)
		}
		got, err := v.Verify(ctx, empty)
		if err != nil || !reflect.DeepEqual(got.Claims, plain{}) {
			t.Fatalf("%v, %+v", err, got)
		}
		other, err := v.Verify(ctx, full)
		if err != nil {
			t.Fatal(err)
		}
		c := &other.Claims
		c.List[0], c.Numbers[0], c.Map["x"], c.Raw[0], *c.Pointer, c.Structs[0].A = "changed", 7, 7, 'x', "changed", 7
		c.Any.(map[string]any)["a"] = nil
	}
	if !reflect.DeepEqual(first.Claims, want) {
		t.Errorf("%+v\nwas %+v", first.Claims, want)
	}
}

// read is what encoding/json makes of claims whose names are spelled right.
func read[C any](t *testing.T, text string) (c C) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// keeper is a claims type whose method keeps what it was called on.
type keeper struct{ Name string }

var kept struct {
	sync.Mutex
	list []*keeper
}

func (k *keeper) UnmarshalJSON(text []byte) error {
	kept.Lock()
	defer kept.Unlock()
	kept.list = append(kept.list, k)
	var c struct{ Name string }
	err := json.Unmarshal(text, &c)
	k.Name = c.Name
	return err
}

// What a method of the caller's may have kept is never lent to another token.
func TestWhatAMethodKeepsIsItsOwn(t *testing.T) {
	kept.list = nil // of a run before
	k := generate(t, jwk.HS256, "")
	whole, err := jwt.NewVerifier[keeper](k, lax())
	if err != nil {
		t.Fatal(err)
	}
	part, err := jwt.NewVerifier[struct {
		Part keeper `json:"part"`
	}](k, lax())
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		name := fmt.Sprint(i)
		if got, err := whole.Verify(ctx, sign(t, k, `{"Name":"`+name+`"}`)); err != nil || got.Claims.Name != name {
			t.Fatal(got, err)
		}
		if got, err := part.Verify(ctx, sign(t, k, `{"part":{"Name":"`+name+`"}}`)); err != nil || got.Claims.Part.Name != name {
			t.Fatal(got, err)
		}
	}
	for i, k := range kept.list {
		if want := fmt.Sprint(i / 2); k.Name != want {
			t.Fatalf("%d: %q, was %q", i, k.Name, want)
		}
	}
}

// The lists of one token lie side by side: to append to one changes no other.
func TestListsStandApart(t *testing.T) {
	k := generate(t, jwk.HS256, "")
	v, err := jwt.NewVerifier[plain](k, lax())
	if err != nil {
		t.Fatal(err)
	}
	for _, aud := range []string{`"a"`, `["a"]`, `["a","b"]`, `["a","b","c","d"]`, `["a,b","c"]`} {
		for _, list := range []string{`["x"]`, `["x","y"]`, `["x","y","z"]`, `[]`, `["x,","y,y"]`, `["1","2","3","4","5","6"]`} {
			text := `{"aud":` + aud + `,"list":` + list + `}`
			got, err := v.Verify(ctx, sign(t, k, text))
			if err != nil {
				t.Fatal(err)
			}
			want := read[plain](t, text).List
			audience := fmt.Sprint(got.Audience)
			_ = append(got.Audience, "new")
			_ = append(got.Claims.List, "new")
			if !reflect.DeepEqual(got.Claims.List, want) || fmt.Sprint(got.Audience) != audience {
				t.Errorf("%s: %q, %q", text, got.Audience, got.Claims.List)
			}
		}
	}
}
