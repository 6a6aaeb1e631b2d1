// Package sdjwt issues, presents and verifies selectively disclosable tokens
// (SD-JWT, RFC 9901): the issuer signs digests where claims would stand, and hands
// the claims to the holder, who shows a verifier those that it wants to.
//
// There are three parts, and a type for each:
//
//   - An Issuer hides the claims that a Plan names and returns the token with all
//     its disclosures.
//   - A Credential is such a token in its holder's hands. Present chooses, and
//     PresentBound also proves that the holder has the key in cnf.
//   - A Verifier checks the signature, puts the disclosed claims in their places
//     and judges the result by its Policy, which says whether a proof of the
//     holder's key is demanded; what the presentation has in it never decides that.
//
// Claims that decide about validity (iss, aud, exp, nbf, cnf, status) are read from
// what the issuer signed openly and never from a disclosure, which a holder could
// leave out (RFC 9901 9.7). Hashes are SHA-256, SHA-384 and SHA-512. The one key
// confirmation that is read is cnf's jwk (RFC 7800 3.2).
//
// The JSON serialization, which RFC 9901 8 makes optional, is read by Compact and
// written by FlattenedJSON; everything else here is about the compact form.
package sdjwt
