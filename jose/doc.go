// Package jose holds what the packages below it share: the closed list of
// rejection reasons and the one error type.
//
// Most programs import three packages: jwt, which signs and verifies tokens, jwks,
// which keeps a remote key set, and jwk, which names the algorithms and holds keys; a
// net/http server also bearer, the middleware. Package jws is the signature layer.
//
// Beside them stand sdjwt (selective disclosure, RFC 9901), statuslist (Token
// Status List), action (one-time tokens for links), tokensource (a client's
// tokens) and josetest (an issuer for your own tests).
package jose
