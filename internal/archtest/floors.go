// Package archtest keeps the floors and the nevers of the house: which package
// may import which, as data, with a reason per ban. When it fails, move the
// code, never the rule.
package archtest

import "strings"

const module = "github.com/jotward/jotward/"

// floors lists the packages from the ground up. A package imports only from
// floors below its own; packages that share a line do not import each other,
// unless one is the other's folder.
var floors = [][]string{
	{"jose"},
	{"jose/internal/alg", "jose/internal/b64", "jose/internal/strictjson"},
	{"jose/internal/keydata", "jose/internal/claimset"},
	{"jose/jwk"},
	{"jose/internal/header"},               // its alg is a jwk.Algorithm
	{"jose/jws", "jose/jwe", "jose/mldsa"}, // mldsa is a module of its own, for what it requires
	{"jose/jwt"},
	{"jose/jwks", "jose/lint", "jose/sdjwt", "jose/statuslist", "jose/action"},
	{"jose/bearer", "jose/josetest", "jose/tokensource"},
	{"jose/grpcbearer"}, // a module of its own
	{"internal/oauth", "internal/reason", "internal/limit", "internal/secret"},
	{"internal/revoke", "internal/rule"},
	{"internal/audit"}, // an act carries its revocations
	{"internal/outbound", "internal/mail"},
	{"internal/keyring", "internal/account", "internal/client", "internal/session", "internal/consent"},
	{"internal/token", "internal/authn"},
	{"internal/grant", "internal/logout"},
	{"internal/store"},
	{"internal/web", "internal/obs", "internal/config", "internal/watch"},
	{"internal/server", "internal/edge", "internal/console"},
	{"cmd/jotward", "internal/archtest"},
}

// floorOf returns the floor on which a package stands: the longest entry that
// is the package or one of its parents.
func floorOf(folder string) (int, bool) {
	best, floor := "", -1
	for i, names := range floors {
		for _, name := range names {
			if (folder == name || strings.HasPrefix(folder, name+"/") && name != "jose") && len(name) > len(best) {
				best, floor = name, i
			}
		}
	}
	return floor, floor >= 0
}

// sameNoun reports whether one package is the other's folder, or both share the
// folder of a noun that is cut into parts. Packages beside each other under
// server/ never meet but in its mount list, which is server itself.
func sameNoun(from, to string) bool {
	return strings.HasPrefix(to, from+"/") || strings.HasPrefix(to, "internal/store/") && from == "internal/store/storetest"
}

// A never is a ban on direct imports.
type never struct {
	folders []string
	banned  []string
	why     string
}

var nevers = []never{
	{
		folders: []string{"jose/jwk", "jose/jws", "jose/jwe", "jose/jwt", "jose/sdjwt", "jose/statuslist", "jose/action", "jose/lint"},
		banned:  []string{"net", "net/http", "os", "log", "log/slog", "database/sql"},
		why:     "the token core knows no network, no files, no logger and no SQL",
	},
	{
		folders: []string{"jose/jws"},
		banned:  []string{module + "jose/jwe"},
		why:     "signing never leads to encryption, so neither can stand in for the other",
	},
	{
		folders: []string{
			"internal/oauth", "internal/reason", "internal/limit", "internal/rule", "internal/audit", "internal/revoke",
			"internal/keyring", "internal/account", "internal/client", "internal/session", "internal/consent",
			"internal/token", "internal/authn", "internal/grant", "internal/logout",
		},
		banned: []string{"database/sql", "net/http"},
		why:    "the domain knows neither the store nor the wire",
	},
	{
		folders: []string{"internal/edge"},
		banned:  []string{"database/sql", module + "internal/store/sqlite", module + "internal/store/postgres", module + "internal/authn", module + "internal/account"},
		why:     "the edge runs without a database and without people's secrets",
	},
}

func (n never) applies(folder string) bool {
	for _, f := range n.folders {
		if folder == f || strings.HasPrefix(folder, f+"/") {
			return true
		}
	}
	return false
}

func (n never) bans(name string) bool {
	for _, b := range n.banned {
		if name == b {
			return true
		}
	}
	return false
}

// An only names the calls that few folders may make.
type only struct {
	calls   []string
	folders []string
	why     string
}

var onlys = []only{
	{
		calls:   []string{"time.Now", "time.Since", "time.Until"},
		folders: []string{"cmd", "internal/obs"},
		why:     "everything below receives its clock, so that tests move it",
	},
	{
		calls:   []string{".WriteHeader"},
		folders: []string{"internal/web", "internal/edge", "jose/bearer"},
		why:     "status codes are written where errors become responses",
	},
	{
		calls:   []string{".ExportPrivate"},
		folders: []string{"internal/keyring", "cmd", "jose/jwk"},
		why:     "private keys are held by the keyring alone",
	},
}

func (o only) allows(folder string) bool {
	for _, f := range o.folders {
		if folder == f || strings.HasPrefix(folder, f+"/") {
			return true
		}
	}
	return false
}
