package jwt_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"sync"
	"testing"

	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

// Claims are read where the last token's were: nothing of that may show in the
// next one, accepted or refused, nor change under whoever kept the one before.
func TestNothingIsLeftOver(t *testing.T) {
	k := generate(t, jwk.HS256, "")
	v, err := jwt.NewVerifier[wide](k, lax())
	if err != nil {
		t.Fatal(err)
	}
	full, empty, broken := sign(t, k, wideClaims), sign(t, k, `{}`), sign(t, k, `{"tenant":"x","list":["y"],"map":{"z":1},"addr":1}`)
	first, err := v.Verify(ctx, full)
	if err != nil {
		t.Fatal(err)
	}
	kept := fmt.Sprintf("%+v", first.Claims)
	for range 20 {
		if _, err := v.Verify(ctx, broken); err == nil {
			t.Fatal("accepted")
		}
		got, err := v.Verify(ctx, empty)
		if err != nil || !reflect.DeepEqual(got.Claims, wide{}) {
			t.Fatalf("%v, %+v", err, got)
		}
		other, err := v.Verify(ctx, full)
		if err != nil {
			t.Fatal(err)
		}
		other.Claims.List[0], other.Claims.Map["x"], other.Claims.Structs[0].A, *other.Claims.Pointer = "changed", 7, 7, "changed"
		other.Claims.Any.(map[string]any)["a"], other.Claims.Raw[0], other.Claims.Tree.Name = nil, 'x', "changed"
	}
	if now := fmt.Sprintf("%+v", first.Claims); first.Claims.List[0] != "a" || *first.Claims.Pointer != "p" || first.Claims.Tree.Name != "a" || now != kept {
		t.Errorf("%s\nwas %s", now, kept)
	}
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
