package rule_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/rule"
)

func request() *rule.Request {
	return &rule.Request{Method: "GET", Host: "api.example", Path: "/customers/c-1/orders", Header: map[string][]string{"X-Plan": {"gold"}},
		Address: netip.MustParseAddr("10.1.2.3"), Now: time.Date(2026, 11, 27, 9, 30, 0, 0, time.UTC), // a Friday
		Issuer: "https://issuer.example", Audiences: []string{"https://api.example"}, Scopes: []string{"orders:read", "openid"}, Roles: []string{"clerk"},
		Permissions: []string{"orders.list"}, Claims: map[string]any{"sub": "c-1", "tier": "gold", "level": 3.0, "staff": false, "number": 17.0,
			"teams": []any{"red", 7.0}, "nested": map[string]any{"a": "b"}}}
}

// Each condition alone: what holds and what does not, for a rule that allows
// (narrow) and one that forbids (wide).
func TestConditions(t *testing.T) {
	t.Parallel()
	type when = rule.Conditions
	for name, c := range map[string]struct {
		when         when
		change       func(*rule.Request)
		narrow, wide bool
	}{
		"none":                       {when{}, nil, true, true},
		"method":                     {when{Methods: []string{"GET"}}, nil, true, true},
		"another method":             {when{Methods: []string{"POST", "PUT"}}, nil, false, false},
		"HEAD is GET to a ban alone": {when{Methods: []string{"GET"}}, func(r *rule.Request) { r.Method = "HEAD" }, false, true},
		"path":                       {when{Paths: []string{"/customers/{customer}/orders"}}, nil, true, true},
		"path, slash at the end":     {when{Paths: []string{"/customers/{customer}/orders"}}, func(r *rule.Request) { r.Path += "/" }, true, true},
		"path in another case":       {when{Paths: []string{"/customers/**"}}, func(r *rule.Request) { r.Path = "/Customers/c-1" }, false, true},
		"path and the rest":          {when{Paths: []string{"/customers/**"}}, nil, true, true},
		"rest may be nothing":        {when{Paths: []string{"/customers/c-1/orders/**"}}, nil, true, true},
		"everything":                 {when{Paths: []string{"/**"}}, nil, true, true},
		"the root alone":             {when{Paths: []string{"/"}}, nil, false, false},
		"shorter path":               {when{Paths: []string{"/customers/*"}}, nil, false, false},
		"longer path":                {when{Paths: []string{"/customers/*/orders/*"}}, nil, false, false},
		"parameter is claim":         {when{Paths: []string{"/customers/{id}/**"}, Parameters: map[string]string{"id": "sub"}}, nil, true, true},
		"parameter is not claim":     {when{Paths: []string{"/customers/{id}/**"}, Parameters: map[string]string{"id": "tier"}}, nil, false, false},
		"parameter is a number":      {when{Paths: []string{"/customers/{id}/**"}, Parameters: map[string]string{"id": "number"}}, func(r *rule.Request) { r.Path = "/customers/17/orders" }, true, true},
		"parameter without claim":    {when{Paths: []string{"/customers/{id}/**"}, Parameters: map[string]string{"id": "gone"}}, nil, false, false},
		"parameter is escaped":       {when{Paths: []string{"/customers/{id}/**"}, Parameters: map[string]string{"id": "sub"}}, func(r *rule.Request) { r.Path, r.Claims["sub"] = "/customers/c%7C1/orders", "c|1" }, true, true},
		"header":                     {when{Headers: map[string]string{"x-plan": "gold"}}, nil, true, true},
		"header twice":               {when{Headers: map[string]string{"x-plan": "gold"}}, func(r *rule.Request) { r.Header["X-Plan"] = []string{"gold", "tin"} }, false, true},
		"another header":             {when{Headers: map[string]string{"x-plan": "tin"}}, nil, false, false},
		"network":                    {when{Networks: []string{"10.0.0.0/8", "fd00::/8"}}, nil, true, true},
		"mapped address":             {when{Networks: []string{"10.0.0.0/8"}}, func(r *rule.Request) { r.Address = netip.MustParseAddr("::ffff:10.1.2.3") }, true, true},
		"another network":            {when{Networks: []string{"192.168.0.0/16"}}, nil, false, false},
		"unknown address":            {when{Networks: []string{"10.0.0.0/8"}}, func(r *rule.Request) { r.Address = netip.Addr{} }, false, true},
		"time":                       {when{Times: []string{"Mon-Fri 08:00-18:00"}}, nil, true, true},
		"time elsewhere":             {when{Times: []string{"Mon-Fri 08:00-10:00 Europe/Berlin"}}, nil, false, false},
		"another day":                {when{Times: []string{"Sat,Sun 08:00-18:00"}}, nil, false, false},
		"over midnight":              {when{Times: []string{"Thu 22:00-10:00"}}, nil, true, true},
		"over another midnight":      {when{Times: []string{"Fri 22:00-10:00"}}, nil, false, false},
		"days over the week's end":   {when{Times: []string{"Fri-Mon 00:00-24:00"}}, nil, true, true},
		"end is exclusive":           {when{Times: []string{"08:00-09:30"}}, nil, false, false},
		"issuer":                     {when{Issuers: []string{"https://issuer.example"}}, nil, true, true},
		"another issuer":             {when{Issuers: []string{"https://other.example"}}, nil, false, false},
		"one of the audiences":       {when{Audiences: []string{"x", "https://api.example"}}, nil, true, true},
		"all scopes":                 {when{Scopes: []string{"openid", "orders:read"}}, nil, true, true},
		"not all scopes":             {when{Scopes: []string{"openid", "orders:write"}}, nil, false, false},
		"one scope":                  {when{AnyScope: []string{"orders:write", "openid"}}, nil, true, true},
		"no scope":                   {when{AnyScope: []string{"orders:write"}}, nil, false, false},
		"roles":                      {when{Roles: []string{"clerk"}}, nil, true, true},
		"no role":                    {when{AnyRole: []string{"admin"}}, nil, false, false},
		"permissions":                {when{Permissions: []string{"orders.list"}}, nil, true, true},
		"no permission":              {when{AnyPermission: []string{"orders.drop"}}, nil, false, false},
		"claim":                      {when{Claims: map[string]any{"tier": "gold", "level": 3, "staff": false}}, nil, true, true},
		"claim of another type":      {when{Claims: map[string]any{"level": "3"}}, nil, false, false},
		"claim of a list":            {when{Claims: map[string]any{"tier": []any{"tin", "gold"}}}, nil, true, true},
		"a list is not its item":     {when{Claims: map[string]any{"teams": "red"}}, nil, false, false},
		"no such claim":              {when{Claims: map[string]any{"gone": "x"}}, nil, false, false},
		"contains":                   {when{Contains: map[string]any{"teams": 7}}, nil, true, true},
		"contains not":               {when{Contains: map[string]any{"teams": "7"}}, nil, false, false},
		"contains in a text":         {when{Contains: map[string]any{"tier": "gold"}}, nil, false, false},
		"all at once":                {when{Methods: []string{"GET"}, Roles: []string{"admin"}}, nil, false, false},
		"cel":                        {when{CEL: `claims.level >= 3 && request.method == "GET" && "red" in claims.teams`}, nil, true, true},
		"cel not":                    {when{CEL: `claims.tier == "tin"`}, nil, false, false},
		"cel sees parameters":        {when{Paths: []string{"/customers/{id}/**"}, CEL: `request.parameters.id == claims.sub`}, nil, true, true},
		"cel sees headers":           {when{CEL: `request.headers["x-plan"] == "gold" && request.address.startsWith("10.") && request.time < timestamp("2027-01-01T00:00:00Z")`}, nil, true, true},
		"cel fails":                  {when{CEL: `claims.gone == "x"`}, nil, false, true},
		"cel of another type":        {when{CEL: `claims.tier > 3`}, nil, false, true},
	} {
		for action, want := range map[rule.Action]bool{rule.Allow: c.narrow, rule.Deny: c.wide} {
			standard := rule.Deny
			if action == rule.Deny {
				standard = rule.Allow
			}
			s, err := rule.New([]rule.Rule{{Name: "r", Action: action, When: c.when}}, standard)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			r := request()
			if c.change != nil {
				c.change(r)
			}
			d := s.Decide(r)
			if got := d.Rule != nil; got != want {
				t.Errorf("%s, %s: holds is %v", name, action, got)
			}
			if strings.HasPrefix(name, "cel fails") != (d.Failed != nil) && name != "cel of another type" {
				t.Errorf("%s, %s: failed is %v", name, action, d.Failed)
			}
		}
	}
}

// The first rule that holds decides; log goes on; an exception and the default
// have their say.
func TestOrder(t *testing.T) {
	t.Parallel()
	gold, tin := rule.Conditions{Claims: map[string]any{"tier": "gold"}}, rule.Conditions{Claims: map[string]any{"tier": "tin"}}
	for name, c := range map[string]struct {
		rules    []rule.Rule
		standard rule.Action
		action   rule.Action
		rule     string
		watched  string
		noted    int
	}{
		"nothing":                {nil, "", rule.Deny, "", "", 0},
		"default":                {[]rule.Rule{{Name: "a", Action: rule.Deny, When: tin}}, rule.Allow, rule.Allow, "", "", 0},
		"first":                  {[]rule.Rule{{Name: "a", Action: rule.Allow, When: gold}, {Name: "b", Action: rule.Deny}}, "", rule.Allow, "a", "", 0},
		"second":                 {[]rule.Rule{{Name: "a", Action: rule.Allow, When: tin}, {Name: "b", Action: rule.Challenge, MaxAge: time.Minute}}, "", rule.Challenge, "b", "", 0},
		"log goes on":            {[]rule.Rule{{Name: "a", Action: rule.Log}, {Name: "b", Action: rule.Log, When: tin}, {Name: "c", Action: rule.Allow}}, "", rule.Allow, "c", "", 1},
		"exception":              {[]rule.Rule{{Name: "a", Action: rule.Deny, Unless: gold}}, rule.Allow, rule.Allow, "", "", 0},
		"no exception":           {[]rule.Rule{{Name: "a", Action: rule.Deny, Unless: tin}}, rule.Allow, rule.Deny, "a", "", 0},
		"watched denies nothing": {[]rule.Rule{{Name: "a", Action: rule.Deny, Shadow: true}, {Name: "b", Action: rule.Allow}}, "", rule.Allow, "b", "a", 0},
		"watched allows nothing": {[]rule.Rule{{Name: "a", Action: rule.Allow, Shadow: true}, {Name: "b", Action: rule.Deny}}, "", rule.Deny, "b", "a", 0},
		"watched comes too late": {[]rule.Rule{{Name: "a", Action: rule.Allow}, {Name: "b", Action: rule.Deny, Shadow: true}}, "", rule.Allow, "a", "", 0},
		"watched agrees":         {[]rule.Rule{{Name: "a", Action: rule.Allow, Shadow: true}, {Name: "b", Action: rule.Allow}}, "", rule.Allow, "b", "", 0},
		"watched over default":   {[]rule.Rule{{Name: "a", Action: rule.Deny, Shadow: true}}, rule.Allow, rule.Allow, "", "a", 0},
	} {
		s, err := rule.New(c.rules, c.standard)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		d := s.Decide(request())
		nameOf := func(r *rule.Rule) string {
			if r == nil {
				return ""
			}
			return r.Name
		}
		if d.Action != c.action || nameOf(d.Rule) != c.rule || nameOf(d.WatchedRule) != c.watched || len(d.Noted) != c.noted {
			t.Errorf("%s: %+v", name, d)
		}
	}
}

// The exception of a ban is read narrow, and that of a permission wide.
func TestExceptions(t *testing.T) {
	t.Parallel()
	public := rule.Conditions{Paths: []string{"/public/**"}}
	for action, want := range map[rule.Action]rule.Action{rule.Deny: rule.Deny, rule.Allow: rule.Deny} {
		standard := rule.Allow
		if action == rule.Allow {
			standard = rule.Deny
		}
		s, err := rule.New([]rule.Rule{{Name: "r", Action: action, Unless: public}}, standard)
		if err != nil {
			t.Fatal(err)
		}
		r := request()
		r.Path = "/Public/a"
		if d := s.Decide(r); d.Action != want {
			t.Errorf("%s: %+v", action, d)
		}
	}
}

// Whatever holds for a rule that allows holds for one that forbids.
func FuzzWideHoldsMore(f *testing.F) {
	f.Add("GET", "/customers/{id}/**", "/customers/c-1/orders", "x-plan", "gold", "Mon-Fri 08:00-18:00 Europe/Berlin", "10.0.0.0/8", `claims.level >= 3`)
	f.Add("HEAD", "/*", "/A%7Cb", "a", "", "22:00-06:00", "::/0", `request.parameters.id == "1" || has(claims.sub)`)
	f.Fuzz(func(t *testing.T, method, template, path, header, value, times, network, cel string) {
		when := rule.Conditions{Methods: []string{method}, Paths: []string{template}, Headers: map[string]string{header: value}, Times: []string{times}, Networks: []string{network}, CEL: cel}
		allow, err1 := rule.New([]rule.Rule{{Name: "r", Action: rule.Allow, When: when}}, rule.Deny)
		deny, err2 := rule.New([]rule.Rule{{Name: "r", Action: rule.Deny, When: when}}, rule.Allow)
		if (err1 == nil) != (err2 == nil) {
			t.Fatal(err1, err2)
		}
		if err1 != nil {
			return
		}
		r := request()
		r.Method, r.Path = method, path
		if allow.Decide(r).Rule != nil && deny.Decide(r).Rule == nil {
			t.Errorf("%+v holds narrow and not wide", when)
		}
	})
}

// What a rule leaves unsaid or says wrongly is refused when it is loaded.
func TestRefused(t *testing.T) {
	t.Parallel()
	one := func(r rule.Rule) []rule.Rule { return []rule.Rule{r} }
	when := func(w rule.Conditions) []rule.Rule {
		return one(rule.Rule{Name: "r", Action: rule.Allow, When: w})
	}
	for want, rules := range map[string][]rule.Rule{
		"name":                 one(rule.Rule{Action: rule.Allow}),
		`name is not`:          one(rule.Rule{Name: "a b", Action: rule.Allow}),
		"action":               one(rule.Rule{Name: "r"}),
		"listed twice":         {{Name: "r", Action: rule.Allow}, {Name: "r", Action: rule.Deny}},
		"belong to challenge":  one(rule.Rule{Name: "r", Action: rule.Deny, MaxAge: time.Second}),
		"needs one of them":    one(rule.Rule{Name: "r", Action: rule.Challenge}),
		"acr_values":           one(rule.Rule{Name: "r", Action: rule.Challenge, ACRValues: []string{`a"`}}),
		"whole number of sec":  one(rule.Rule{Name: "r", Action: rule.Challenge, MaxAge: time.Millisecond}),
		"in capitals":          when(rule.Conditions{Methods: []string{"get"}}),
		"begin with a slash":   when(rule.Conditions{Paths: []string{"a"}}),
		"a segment is not":     when(rule.Conditions{Paths: []string{"/a//b"}}),
		"a parameter is not":   when(rule.Conditions{Paths: []string{"/{a}/{a}"}}),
		"segment is not":       when(rule.Conditions{Paths: []string{"/a/**/b"}}),
		"has no {id}":          when(rule.Conditions{Paths: []string{"/a"}, Parameters: map[string]string{"id": "sub"}}),
		"needs paths":          when(rule.Conditions{Parameters: map[string]string{"id": "sub"}}),
		"is no name":           when(rule.Conditions{Headers: map[string]string{"a b": "x"}}),
		"is no network":        when(rule.Conditions{Networks: []string{"10.0.0.1"}}),
		"hours":                when(rule.Conditions{Times: []string{"Mon 8-9"}}),
		"08:00-18:00":          when(rule.Conditions{Times: []string{"08:00-08:00"}}),
		"days":                 when(rule.Conditions{Times: []string{"mon 08:00-09:00"}}),
		"zone":                 when(rule.Conditions{Times: []string{"Mon 08:00-09:00 Nowhere/Land"}}),
		"neither a string":     when(rule.Conditions{Claims: map[string]any{"a": 1.5}}),
		"name and value":       when(rule.Conditions{Claims: map[string]any{"a": []any{}}}),
		"want is neither":      when(rule.Conditions{Contains: map[string]any{"a": []any{"x"}}}),
		"cel: ERROR":           when(rule.Conditions{CEL: "claims."}),
		"not true or false":    when(rule.Conditions{CEL: "1 + 1"}),
		"undeclared reference": when(rule.Conditions{CEL: "secrets.x == 1"}),
		"may cost":             when(rule.Conditions{CEL: `claims.a.all(x, claims.b.all(y, claims.c.all(z, x == y && y == z)))`}),
	} {
		if _, err := rule.New(rules, ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	if _, err := rule.New(nil, "challenge"); err == nil {
		t.Error("a default that is none was taken")
	}
}

// A decision of native conditions allocates nothing.
func TestAllocations(t *testing.T) {
	s, err := rule.New([]rule.Rule{{Name: "a", Action: rule.Deny, When: rule.Conditions{Networks: []string{"192.168.0.0/16"}}},
		{Name: "b", Action: rule.Allow, When: rule.Conditions{Methods: []string{"GET"}, Paths: []string{"/customers/{id}/**"}, Parameters: map[string]string{"id": "sub"},
			Scopes: []string{"openid"}, Claims: map[string]any{"tier": "gold"}}}}, "")
	if err != nil {
		t.Fatal(err)
	}
	r := request()
	if n := testing.AllocsPerRun(100, func() {
		if s.Decide(r).Action != rule.Allow {
			t.Fatal("refused")
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkDecide(b *testing.B) {
	for name, when := range map[string]rule.Conditions{
		"native": {Methods: []string{"GET"}, Paths: []string{"/customers/{id}/**"}, Parameters: map[string]string{"id": "sub"}, Scopes: []string{"openid"}, Claims: map[string]any{"tier": "gold"}},
		"cel":    {CEL: `claims.tier == "gold" && "openid" in claims.teams`},
	} {
		s, err := rule.New([]rule.Rule{{Name: "r", Action: rule.Allow, When: when}}, "")
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			r := request()
			for b.Loop() {
				s.Decide(r)
			}
		})
	}
}

// What a request's headers cost a ban that names one of them.
func BenchmarkBan(b *testing.B) {
	names := []string{"Accept", "Accept-Encoding", "Accept-Language", "Authorization", "Cache-Control", "Cookie", "Dnt", "Origin", "Pragma", "Referer",
		"Sec-Ch-Ua", "Sec-Ch-Ua-Mobile", "Sec-Ch-Ua-Platform", "Sec-Fetch-Dest", "Sec-Fetch-Mode", "Sec-Fetch-Site", "User-Agent", "X-Requested-With", "Traceparent", "X-Debug"}
	for name, when := range map[string]rule.Conditions{
		"native": {Headers: map[string]string{"x-debug": "1"}},
		"cel":    {CEL: `"x-debug" in request.headers && request.headers["x-debug"] == "1"`},
		"method": {CEL: `request.method == "PUT"`},
	} {
		s, err := rule.New([]rule.Rule{{Name: "r", Action: rule.Deny, When: when}}, rule.Allow)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			r := request()
			r.Header = map[string][]string{}
			for _, n := range names {
				r.Header[n] = []string{"0"}
			}
			for b.Loop() {
				s.Decide(r)
			}
		})
	}
}
