package rule

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

func facts() Facts {
	return Facts{"account.id": "usr_1", "account.username": "ann", "account.email": "ann@corp.example", "account.roles": []string{"a", "b"}, "account.permissions": []string{},
		"client.id": "app", "client.roles": []string{}, "client.audiences": []string{"api"}, "request.scope": []string{"read"}, "request.audience": []string{"api"}, "request.grant_type": "refresh_token", "request.acr": "pwd"}
}

// What an expression gives is what JSON holds of it.
func TestClaimValues(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]any{
		`"x"`: "x", `account.username + "@" + client.id`: "ann@app", `1 + 1`: int64(2), `2u`: int64(2), `1.5`: 1.5, `true`: true, `null`: nil,
		`"admin" in account.roles ? dyn("yes") : null`: nil, `account.roles.filter(r, r != "a")`: []any{"b"}, `{"org": account.roles[1], "deep": [[1]]}`: map[string]any{"org": "b", "deep": []any{[]any{int64(1)}}},
		`[]`: []any{}, `{}`: map[string]any{}, `request.scope`: []any{"read"}, `account.email.endsWith("@corp.example")`: true, `[null]`: []any{nil},
	} {
		c, err := CompileClaim(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got, err := c.Value(facts()); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %#v %v", text, got, err)
		}
	}
}

// What no claim could be made of is refused when it is saved.
func TestClaimsThatAreRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		``: "cel", `account.age`: "undeclared", `claims.x`: "undeclared", `request.path`: "undeclared", `account.roles + 1`: "no matching overload", `account.username.size() > "x"`: "no matching overload",
		`b"x"`: "nothing of JSON", `duration("1s")`: "nothing of JSON", `type(1)`: "nothing of JSON", `1 +`: "Syntax",
		`account.roles.map(a, account.roles.map(b, account.roles.map(c, a + b + c)))`: "may cost", `"` + strings.Repeat("x", MaxExpression) + `"`: "is over",
	} {
		if _, err := CompileClaim(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: %v, want %s", text, err, want)
		}
	}
}

// What only some values make wrong fails when it is evaluated.
func TestClaimValuesThatAreRefused(t *testing.T) {
	t.Parallel()
	big := facts()
	big["account.username"] = strings.Repeat("x", MaxClaim)
	for text, f := range map[string]Facts{
		`account.roles[7]`: facts(), `1 / (size(account.roles) - 2)`: facts(), `account.username`: big, `[[[[[1]]]]]`: facts(), `{"a": {"a": {"a": {"a": {"a": 1}}}}}`: facts(), `{1: 2}`: facts(),
		`9007199254740993`: facts(), `18446744073709551615u`: facts(), `0.0 / 0.0`: facts(), `dyn(b"x")`: facts(), `[duration("1s")]`: facts(), `account.id`: {},
	} {
		c, err := CompileClaim(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if v, err := c.Value(f); err == nil {
			t.Errorf("%s: %v", text, v)
		}
	}
}

// Expressions are compiled once, and never more are kept than there is room for.
func TestClaimsAreKept(t *testing.T) {
	t.Parallel()
	var c Claims
	a, err := c.Compile("1")
	if b, _ := c.Compile("1"); err != nil || a != b {
		t.Error("compiled twice")
	}
	for range maxKept {
		c.kept[strings.Repeat("x", len(c.kept))] = a
	}
	if _, err := c.Compile("2"); err != nil || len(c.kept) != 1 {
		t.Errorf("%d are kept", len(c.kept))
	}
	if _, err := c.Compile("nothing"); err == nil || len(c.kept) != 1 {
		t.Error("what does not compile is kept")
	}
}

// FuzzClaim: whatever is saved, what it gives is bounded JSON.
func FuzzClaim(f *testing.F) {
	for _, text := range []string{`account.roles`, `{"a": [1, 2.5, null]}`, `account.roles.map(r, {r: r})`, `"x" + account.username`, `-1`, `2u`, `[[[[1]]]]`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := CompileClaim(text)
		if err != nil {
			return
		}
		v, err := c.Value(facts())
		if err != nil {
			return
		}
		if b, err := json.Marshal(v); err != nil || len(b) > MaxClaim {
			t.Errorf("%q gave %d bytes: %v", text, len(b), err)
		}
	})
}
