// Package reason is the closed list of rejection reasons: the library's codes
// and the product's own in one table. Logs, metric labels, HTTP bodies, the
// CLI's exit codes and the docs page all read it, so that one refusal has one
// name everywhere.
package reason

// Code is a stable reason code, such as "token_expired".
type Code string

// Info says what a code means and what to do about it.
type Info struct {
	Code    Code
	Meaning string // what happened, for an operator
	Remedy  string // what to do
	Status  int    // HTTP status the edge or the issuer answers with
	OAuth   string // RFC 6749 or RFC 6750 error code; "" where the protocol has none
	Exit    int    // exit code of the CLI
}

// Lookup returns the row of c, and false when c is not in the list.
func Lookup(c Code) (Info, bool) {
	info, ok := byCode[c]
	return info, ok
}

// All returns every row, in the order in which the docs page shows them.
func All() []Info { return append([]Info(nil), table...) }

var byCode = func() map[Code]Info {
	m := make(map[Code]Info, len(table))
	for _, row := range table {
		m[row.Code] = row
	}
	return m
}()
