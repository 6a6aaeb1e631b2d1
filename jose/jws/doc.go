// Package jws signs and verifies JSON Web Signatures (RFC 7515) in compact and
// JSON serialization, with attached and detached payloads. It knows nothing of
// claims; package jwt does.
//
// What may be accepted is always said by the caller: a list of algorithms and a
// source of keys, each key bound to one algorithm. Keys and addresses inside a
// header (jwk, jku, x5u, x5c) are never used and never fetched, and alg none does
// not exist. The one extension that crit may name is b64: payloads signed as they
// stand (RFC 7797), which no JWT may have.
package jws
