package rule_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/jotward/jotward/internal/rule"
)

// asks holds a request against one expression as a ban and as what allows.
func asks(t *testing.T, cel string, change func(*rule.Request)) (banned, allowed bool, failed error) {
	t.Helper()
	for _, action := range []rule.Action{rule.Deny, rule.Allow} {
		standard := rule.Allow
		if action == rule.Allow {
			standard = rule.Deny
		}
		s, err := rule.New([]rule.Rule{{Name: "r", Action: action, When: rule.Conditions{CEL: cel}}}, standard)
		if err != nil {
			t.Fatalf("%s: %v", cel, err)
		}
		r := request()
		change(r)
		d := s.Decide(r)
		if action == rule.Deny {
			banned, failed = d.Rule != nil, d.Failed
		} else {
			allowed = d.Rule != nil
		}
	}
	return banned, allowed, failed
}

// A header that came more than once, in another spelling, or that ends here, is read in every
// way and mixture: a ban holds in one of them, and what allows holds in all.
func TestReadings(t *testing.T) {
	t.Parallel()
	type header = map[string][]string
	const (
		both   = `"x-a" in request.headers && request.headers["x-a"] == "1" && "x-b" in request.headers && request.headers["x-b"] == "1"`
		made   = `request.headers.exists(k, k == "x-a" && request.headers[k] == "1") && "x-b" in request.headers && request.headers["x-b"] == "1"`
		a      = `"x-a" in request.headers && request.headers["x-a"] == "1"`
		under  = `"x_a" in request.headers && request.headers["x_a"] == "1"`
		no     = `!("x-a" in request.headers)`
		tenant = `request.headers["x-a"] == claims.sub`
	)
	opposite := header{"X-A": {"1", "0"}, "X-B": {"0", "1"}}
	many := header{}
	for n := range 5 {
		many["X-"+string(rune('A'+n))] = []string{"0", "2"}
	}
	one := strings.Split(strings.Repeat("0,", 100), ",")
	for name, c := range map[string]struct {
		cel             string
		header          header
		banned, allowed bool
	}{
		"both once":                   {both, header{"X-A": {"1"}, "X-B": {"1"}}, true, true},
		"one of both":                 {both, header{"X-A": {"1"}, "X-B": {"0"}}, false, false},
		"both, opposite":              {both, opposite, true, false},
		"both, spelled, opposite":     {both, header{"X-A": {"0"}, "X_a": {"1"}, "X-B": {"1"}, "X.b": {"0"}}, true, false},
		"both, made names":            {made, opposite, true, false},
		"both, never":                 {both, header{"X-A": {"0", "2"}, "X-B": {"1", "0"}}, false, false},
		"both by has":                 {`has(request.headers.xa) && request.headers.xa == "1" && has(request.headers.xb) && request.headers.xb == "1"`, header{"Xa": {"1", "0"}, "Xb": {"0", "1"}}, true, false},
		"both in a macro":             {`["x-a", "x-b"].all(k, k in request.headers && request.headers[k] == "1")`, opposite, true, false},
		"both of all":                 {`[request].all(r, "x-a" in r.headers && r.headers["x-a"] == "1" && "x-b" in r["headers"] && r["headers"]["x-b"] == "1")`, opposite, true, false},
		"one of all":                  {`[request].all(r, "x-a" in r.headers && r.headers["x-a"] == "1")`, header{"X-A": {"1"}}, true, true},
		"another repeats":             {a, header{"X-A": {"1"}, "Accept": {"1", "2"}}, true, true},
		"another repeats, not":        {a, header{"X-A": {"0"}, "Accept": {"1", "1"}}, false, false},
		"not there, twice":            {no, header{"X-A": {"0", "1"}}, true, false},
		"not there, spelled":          {no, header{"X_a": {"0"}}, true, false},
		"not there":                   {no, header{"X-B": {"0"}}, true, true},
		"underscore":                  {under, header{"X_a": {"1"}}, true, true},
		"underscore, twice":           {under, header{"X_a": {"0", "1"}}, true, false},
		"underscore for a dash":       {a, header{"X_a": {"1"}}, true, false},
		"dash for an underscore":      {under, header{"X-A": {"1"}}, true, false},
		"dot for a dash":              {a, header{"X.a": {"1"}}, true, false},
		"dash, made names":            {`request.headers.exists(k, k == "x_a" && request.headers[k] == "1")`, header{"X-A": {"1"}}, true, false},
		"lines that are one":          {`"x-a" in request.headers && request.headers["x-a"] == "1, 2"`, header{"X-A": {"1", "2"}}, true, false},
		"cookies that are one":        {`"cookie" in request.headers && request.headers["cookie"] == "a=1; b=2"`, header{"Cookie": {"a=1", "b=2"}}, true, false},
		"a header that ends here":     {`"x-a" in request.headers && request.headers["x-a"] != "1"`, header{"X-A": {"0"}, "Connection": {"close, x-a"}}, true, false},
		"what must be there":          {tenant, header{"X-A": {"c-1"}}, true, true},
		"what must be there, ending":  {tenant, header{"X-A": {"c-1"}, "Connection": {"X-A"}}, true, false},
		"what must be there, spelled": {tenant, header{"X-A": {"c-1"}, "X_a": {"c-2"}}, true, false},
		"connections without an end":  {tenant, header{"X-A": {"c-1"}, "Connection": {strings.Repeat("b,", 100)}}, true, false},
		"too many":                    {`request.headers.exists(k, request.headers[k] == "1")`, many, true, false},
		"the same, many times":        {a, header{"X-A": one[:100]}, false, false},
	} {
		banned, allowed, failed := asks(t, c.cel, func(r *rule.Request) { r.Header = c.header })
		if banned != c.banned || allowed != c.allowed {
			t.Errorf("%s: banned is %v, allowed %v", name, banned, allowed)
		}
		if name == "too many" && (failed == nil || !strings.Contains(failed.Error(), "too many ways")) {
			t.Errorf("%s: %v", name, failed)
		}
	}
}

// An address that nobody knows may be any: who needs it is in doubt.
func TestUnknownAddressOfExpressions(t *testing.T) {
	t.Parallel()
	for cel, want := range map[string][2]bool{
		`request.address.startsWith("10.")`:                          {true, false},
		`!request.address.startsWith("10.")`:                         {true, false},
		`request.address.startsWith("10.") || claims.tier == "gold"`: {true, true},
		`request.address.startsWith("192.") && claims.tier == "tin"`: {false, false},
		`["10.1.2.3"].exists(a, request["address"] == a)`:            {true, false},
		`[request].exists(r, r.address == "" || r.method == "GET")`:  {true, true},
	} {
		banned, allowed, _ := asks(t, cel, func(r *rule.Request) { r.Address = netip.Addr{} })
		if banned != want[0] || allowed != want[1] {
			t.Errorf("%s: banned is %v, allowed %v", cel, banned, allowed)
		}
	}
	if banned, _, _ := asks(t, `request.address.startsWith("10.")`, func(r *rule.Request) { r.Address = netip.MustParseAddr("::ffff:10.1.2.3") }); !banned {
		t.Error("an address in the form of IPv6 is another one")
	}
}

// A path is what a server makes of it that ignores case, in whichever case the ban is written.
func TestPathsOfBans(t *testing.T) {
	t.Parallel()
	for path, cel := range map[string]string{
		"/ADMIN": `request.path == "/admin"`, "/admin/": `request.path == "/admin"`, "/admin": `request.path == "/Admin"`, "/aDMIN/uSERS/": `request.path.startsWith("/Admin/") && request.path.endsWith("/Users")`,
		"/a/ADMIN": `["Admin"].exists(x, request["path"].contains(x))`, "/x": `request.path == "/x" && request.method == "GET"`,
	} {
		if banned, _, _ := asks(t, cel, func(r *rule.Request) { r.Path = path }); !banned {
			t.Errorf("%s is not banned by %s", path, cel)
		}
	}
	if banned, allowed, _ := asks(t, `request.path == "/users/" + claims.sub`, func(r *rule.Request) { r.Path, r.Claims["sub"] = "/users/AbC", "AbC" }); !banned || !allowed {
		t.Error("an identifier with capitals is none", banned, allowed)
	}
	if _, err := rule.New([]rule.Rule{{Name: "r", Action: rule.Deny, When: rule.Conditions{CEL: `"X-A" in request.headers`}}}, ""); err == nil || !strings.Contains(err.Error(), "lower case") {
		t.Errorf("a header that is never there is asked for: %v", err)
	}
}

// Whatever a server takes of each header, alone, decides: expressions that are put together at
// random are asked about each such request and about the one that it may be taken for.
func TestMixtures(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	kinds := 4
	atom := func() string {
		name, value := string(rune('a'+random.IntN(3))), fmt.Sprint(random.IntN(3))
		return []string{
			fmt.Sprintf(`("x-%s" in request.headers && request.headers["x-%s"] == %q)`, name, name, value),
			fmt.Sprintf(`!("x-%s" in request.headers)`, name),
			fmt.Sprintf(`("x-%s" in request.headers && request.headers["x-%s"] != %q)`, name, name, value),
			fmt.Sprintf(`request.headers.exists(k, k == "x-%s" && request.headers[k] < %q)`, name, value),
		}[random.IntN(kinds)]
	}
	held := map[bool]int{}
	for range 150 {
		kinds = 4
		cel := atom()
		kinds = 3
		more := random.IntN(4)
		if strings.Contains(cel, "exists") {
			more = min(more, 1) // one that looks at all headers costs what may be spent
		}
		for range more {
			cel += []string{" && ", " || "}[random.IntN(2)] + atom()
		}
		whole, taken := map[string][]string{}, []map[string][]string{{}}
		for _, name := range []string{"X-A", "X-B", "X-C"} {
			var next []map[string][]string
			for range random.IntN(3) {
				value := fmt.Sprint(random.IntN(3))
				spelled := name
				if random.IntN(4) == 0 {
					spelled = strings.ReplaceAll(strings.ToLower(name), "-", "_")
				}
				whole[spelled] = append(whole[spelled], value)
				for _, so := range taken {
					as := map[string][]string{name: {value}}
					for n, v := range so {
						as[n] = v
					}
					next = append(next, as)
				}
			}
			if next != nil {
				taken = next
			}
		}
		banned, allowed, _ := asks(t, cel, func(r *rule.Request) { r.Header = whole })
		var bans, allows []bool
		for _, one := range taken {
			ban, allow, _ := asks(t, cel, func(r *rule.Request) { r.Header = one })
			bans, allows = append(bans, ban), append(allows, allow)
		}
		if slices.Contains(bans, true) && !banned || slices.Contains(allows, false) && allowed {
			t.Errorf("%s\n%v: banned %v, allowed %v, though taken for %v they are %v and %v", cel, whole, banned, allowed, taken, bans, allows)
		}
		held[banned]++
	}
	if held[true] < 20 || held[false] < 20 {
		t.Errorf("the requests are all alike: %v", held)
	}
}

// A ban costs a request whose headers are beyond doubt no allocation.
func TestBanAllocations(t *testing.T) {
	s, err := rule.New([]rule.Rule{{Name: "r", Action: rule.Deny, When: rule.Conditions{Headers: map[string]string{"x-debug": "1"}}}}, rule.Allow)
	if err != nil {
		t.Fatal(err)
	}
	r := request()
	r.Header["X-Debug"] = []string{"0"}
	if n := testing.AllocsPerRun(100, func() { s.Decide(r) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
