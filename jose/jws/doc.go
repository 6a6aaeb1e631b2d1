// Package jws signs and verifies JSON Web Signatures (RFC 7515) in compact and
// JSON serialization, with attached and detached payloads. It knows nothing of
// claims; package jwt does.
//
// What may be accepted is always said by the caller: a list of algorithms and a
// source of keys, each key bound to one algorithm. Keys and addresses inside a
// header (jwk, jku, x5u, x5c) are never used and never fetched, alg none does
// not exist, and crit is refused because no extension is implemented; the
// unencoded payloads of RFC 7797 are refused too, not ignored.
package jws
