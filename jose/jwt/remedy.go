package jwt

import "github.com/jotward/jotward/jose"

// remedyOf says what a developer can do about a reason.
func remedyOf(r jose.Reason) string {
	switch r {
	case jose.TokenMalformed:
		return "send the token as it was issued: nothing before, after or inside it changed"
	case jose.TokenOversize:
		return "put fewer claims into the token, or raise MaxSize"
	case jose.HeaderInvalid:
		return "have the issuer write a header that follows RFC 7515"
	case jose.ClaimsInvalid:
		return "have the issuer write claims that follow RFC 7519, each of its type and each once"
	case jose.AlgorithmNotAllowed:
		return "have the issuer sign with an allowed algorithm, or add this one to Algorithms"
	case jose.CriticalUnsupported:
		return "have the issuer leave out crit and b64"
	case jose.TypeMismatch:
		return "send the kind of token that is expected, or name this one in Type"
	case jose.KeyNotFound:
		return "check that the key set is the issuer's, and that it holds the kid"
	case jose.KeyAmbiguous:
		return "give each key a kid of its own"
	case jose.KeyInvalid:
		return "make the key again: it contradicts itself"
	case jose.KeyWeak:
		return "make a longer key"
	case jose.KeyMisuse:
		return "use a key that is bound to the token's algorithm and may do this"
	case jose.SignatureInvalid:
		return "get a new token; if that fails too, the key set is another issuer's"
	case jose.DecryptionFailed:
		return "check that the sender has the key that is used here, and get a new token"
	case jose.CompressionNotAllowed:
		return "have the issuer leave out zip, or set Decompress"
	case jose.WorkExceeded:
		return "have the issuer ask for fewer iterations, or raise MaxIterations"
	case jose.TokenExpired:
		return "get a new token, and compare the clocks"
	case jose.TokenNotYetValid, jose.TokenFromFuture:
		return "compare the clocks of issuer and verifier; Leeway forgives a difference"
	case jose.LifetimeExceeded:
		return "have the issuer make shorter tokens, or raise MaxLifetime"
	case jose.ClaimMissing:
		return "have the issuer add the claim"
	case jose.IssuerMismatch:
		return "get the token from an expected issuer, or add this one to Issuers"
	case jose.AudienceMismatch:
		return "ask for a token for this audience, or add its audience to Audiences"
	case jose.NonceMismatch:
		return "start again with the nonce that was given out"
	case jose.CredentialMissing:
		return "send a DPoP header field with a new proof"
	case jose.CredentialRepeated:
		return "send one DPoP header field"
	case jose.SenderMismatch:
		return "sign the proof with the key that the token was issued for"
	case jose.KeysUnavailable:
		return "check that the issuer's key set, or the service that holds the key, can be reached"
	case jose.KeySetInvalid:
		return "check what the address of the key set answers"
	}
	return "compare the claim with what is expected"
}
