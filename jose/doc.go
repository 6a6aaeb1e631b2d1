// Package jose holds what the packages below it share: the closed list of
// rejection reasons and the one error type.
//
// Most programs import two packages: jwt, which verifies and signs tokens, and jwks,
// which keeps a remote key set; a net/http server also bearer, the middleware, and a
// program that has keys of its own jwk. Packages jws and jwe are the layers below.
//
// Beside them stand sdjwt (selective disclosure, RFC 9901), statuslist (Token
// Status List), action (one-time tokens for links), tokensource (a client's
// tokens) and josetest (an issuer for your own tests).
package jose
