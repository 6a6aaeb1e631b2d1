// Package bearer is net/http middleware for bearer tokens (RFC 6750): it takes
// exactly one credential from a request, verifies it, puts the token into the
// request's context, and answers everything else with the challenge that the
// RFC asks for, and tokens that are bound to a key with their DPoP proofs (RFC 9449)
// where Options.DPoP says so. Strangers are told a reason code and nothing more.
//
// Credentials in the query or in a form body are never used (RFC 9700 4.3.2).
package bearer
