// Package jose holds what the packages below it share: the closed list of
// rejection reasons and the one error type.
//
// Most programs import two packages: jwt, which signs and verifies tokens, and
// jwks, which keeps a remote key set. Package jwk holds keys, jws the signature
// layer, and bearer the net/http middleware.
//
// Beside them stand sdjwt (selective disclosure, RFC 9901), statuslist (Token
// Status List), action (one-time tokens for links), tokensource (a client's
// tokens) and josetest (an issuer for your own tests).
package jose
