// Package jwks keeps the key set of a remote issuer: found by discovery
// (RFC 8414, OpenID Connect Discovery) or by its address, cached, refreshed
// ahead of time, and kept through failures for a bounded while.
//
// A Remote is a key source for jwt.NewVerifier. A known kid never waits on the
// network. An unknown one waits, within a bound, on the one fetch that all
// callers share, and no more than one fetch is started per cool-down, whatever
// strangers write into their tokens. A reply that fails, or that no honest
// issuer sends, never replaces good keys. Each Remote holds one issuer's keys
// and shares them with no other (RFC 8725 3.8).
//
// This is the first package of the library that uses net/http. Addresses come
// from Config and from the issuer's own metadata, never from a token.
package jwks
