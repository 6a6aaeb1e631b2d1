// Package jwk holds the keys of JSON Web Signatures and Encryption (RFC 7517,
// RFC 7518 6, RFC 8037): it parses, checks, generates, marshals and selects them.
//
// A Key is immutable and bound to one algorithm when it is built, so nothing
// that a token says can change what a key is used for. Material that is weak or
// contradicts itself never becomes a Key. What a Key prints, in every format,
// is its public half; ExportPrivate and ExportPrivatePEM are the only ways out
// for the rest.
//
// The package reads no files and no network; package jwks keeps remote sets.
package jwk
