package jose

// A Reason is one stable code from the closed list of why the library refuses
// something. It is an error itself, so errors.Is(err, jose.TokenExpired) works
// for every code, and the same string stands in logs, metrics and documents.
type Reason string

// Error returns the code.
func (r Reason) Error() string { return string(r) }

// The closed list. A code never changes its meaning once it has been released.
const (
	// TokenMalformed: not a compact serialization in its one spelling (RFC 7515 3.1, 7.1).
	TokenMalformed Reason = "token_malformed"
	// TokenOversize: longer than the policy's maximum size.
	TokenOversize Reason = "token_oversize"
	// HeaderInvalid: the JOSE header is not a strict JSON object, or a member has the wrong type (RFC 7515 4).
	HeaderInvalid Reason = "header_invalid"
	// ClaimsInvalid: the claims set is not a strict JSON object, or a claim has the wrong type (RFC 7519 4).
	ClaimsInvalid Reason = "claims_invalid"
	// AlgorithmNotAllowed: alg is none, unknown, or not on the policy's list (RFC 8725 3.1).
	AlgorithmNotAllowed Reason = "algorithm_not_allowed"
	// CriticalUnsupported: crit names something that is not understood, or b64 changes the payload (RFC 7515 4.1.11, RFC 7797 7).
	CriticalUnsupported Reason = "critical_unsupported"
	// TypeMismatch: typ is not the one the policy names (RFC 8725 3.11).
	TypeMismatch Reason = "type_mismatch"
	// KeyNotFound: no key answers to the token's kid and alg.
	KeyNotFound Reason = "key_not_found"
	// KeyAmbiguous: more keys answer than may be tried, or a key fits two algorithms.
	KeyAmbiguous Reason = "key_ambiguous"
	// KeyInvalid: key material is malformed or contradicts itself (RFC 7517, RFC 7518 6).
	KeyInvalid Reason = "key_invalid"
	// KeyWeak: key material is too small or known to be breakable (RFC 7518 3.2, 3.3).
	KeyWeak Reason = "key_weak"
	// KeyMisuse: use, key_ops, family or missing private half forbid the operation (RFC 7517 4.2, 4.3).
	KeyMisuse Reason = "key_misuse"
	// SignatureInvalid: the signature or MAC does not hold (RFC 7515 5.2).
	SignatureInvalid Reason = "signature_invalid"
	// DecryptionFailed: the message does not open under the key. It is the one answer
	// for everything that only the key's holder could tell apart (RFC 7516 11.5).
	DecryptionFailed Reason = "decryption_failed"
	// CompressionNotAllowed: zip is in the header and the caller did not ask for it (RFC 8725 3.6).
	CompressionNotAllowed Reason = "compression_not_allowed"
	// WorkExceeded: the message asks for more key derivation than the caller allows (RFC 7518 8.8).
	WorkExceeded Reason = "work_exceeded"
	// TokenExpired: now is at or after exp (RFC 7519 4.1.4).
	TokenExpired Reason = "token_expired"
	// TokenNotYetValid: now is before nbf (RFC 7519 4.1.5).
	TokenNotYetValid Reason = "token_not_yet_valid"
	// TokenFromFuture: now is before iat (RFC 7519 4.1.6).
	TokenFromFuture Reason = "token_issued_in_future"
	// LifetimeExceeded: the token lives longer than the policy's maximum.
	LifetimeExceeded Reason = "lifetime_exceeded"
	// ClaimMissing: a required claim is absent.
	ClaimMissing Reason = "claim_missing"
	// IssuerMismatch: iss is not one of the policy's issuers (RFC 8725 3.8).
	IssuerMismatch Reason = "issuer_mismatch"
	// AudienceMismatch: aud names none of the policy's audiences (RFC 8725 3.9).
	AudienceMismatch Reason = "audience_mismatch"
	// ClaimMismatch: a claim has another value than the caller demands.
	ClaimMismatch Reason = "claim_mismatch"
	// PolicyInvalid: a verifier or signer that cannot be built as described.
	PolicyInvalid Reason = "policy_invalid"
	// KeysUnavailable: a remote key set cannot be reached and nothing usable is cached.
	KeysUnavailable Reason = "keys_unavailable"
	// KeySetInvalid: a key set, or the reply that should hold one, is refused.
	KeySetInvalid Reason = "key_set_invalid"
	// CredentialMissing: the request carries no bearer credential (RFC 6750 3).
	CredentialMissing Reason = "credential_missing"
	// CredentialRepeated: the request carries more than one credential (RFC 6750 2).
	CredentialRepeated Reason = "credential_repeated"
	// CredentialMalformed: the credential does not follow the grammar (RFC 6750 2.1).
	CredentialMalformed Reason = "credential_malformed"
	// SenderProofUnchecked: the token has cnf, and nobody checked the proof (RFC 7800 3).
	SenderProofUnchecked Reason = "sender_proof_unchecked"
	// ScopeMissing: the token lacks a scope that the resource needs (RFC 6750 3.1).
	ScopeMissing Reason = "scope_missing"
	// SenderMismatch: the proof is of another key than the one the token is bound to (RFC 9449 4.3).
	SenderMismatch Reason = "sender_mismatch"
	// NonceMismatch: the nonce is missing, or is not the one that was given out (RFC 9449 8, OpenID Connect Core 3.1.3.7).
	NonceMismatch Reason = "nonce_mismatch"
	// TokenReplayed: a token that may be used once was seen before (RFC 9449 11.1, RFC 7523 3).
	TokenReplayed Reason = "token_replayed"
	// StatusUnknown: nothing can be said about the token's status: its reference, the list or
	// its age is at fault (draft-ietf-oauth-status-list-21 8.3).
	StatusUnknown Reason = "status_unknown"
	// StatusNotValid: the status list says something else than VALID (draft-ietf-oauth-status-list-21 7.1).
	StatusNotValid Reason = "status_not_valid"
	// DisclosureInvalid: a disclosure or a digest breaks the rules of RFC 9901 7.1.
	DisclosureInvalid Reason = "disclosure_invalid"
	// KeyBindingMissing: the policy demands a proof of the holder's key, and there is none (RFC 9901 7.3).
	KeyBindingMissing Reason = "key_binding_missing"
	// ActionInvalid: a one-time token is unknown, expired, spent, or made for another purpose.
	ActionInvalid Reason = "action_invalid"
	// StoreUnavailable: a store cannot answer, or has no room for another entry.
	StoreUnavailable Reason = "store_unavailable"
	// TokenUnavailable: a client cannot get a token from its issuer.
	TokenUnavailable Reason = "token_unavailable"
)

// Reasons returns the whole list in the order of its declaration. The slice is
// the caller's own.
func Reasons() []Reason {
	return []Reason{
		TokenMalformed, TokenOversize, HeaderInvalid, ClaimsInvalid, AlgorithmNotAllowed,
		CriticalUnsupported, TypeMismatch, KeyNotFound, KeyAmbiguous, KeyInvalid, KeyWeak,
		KeyMisuse, SignatureInvalid, DecryptionFailed, CompressionNotAllowed, WorkExceeded, TokenExpired, TokenNotYetValid, TokenFromFuture,
		LifetimeExceeded, ClaimMissing, IssuerMismatch, AudienceMismatch, ClaimMismatch,
		PolicyInvalid, KeysUnavailable, KeySetInvalid, CredentialMissing,
		CredentialRepeated, CredentialMalformed, SenderProofUnchecked, ScopeMissing,
		SenderMismatch, NonceMismatch, TokenReplayed,
		StatusUnknown, StatusNotValid, DisclosureInvalid, KeyBindingMissing, ActionInvalid, StoreUnavailable, TokenUnavailable,
	}
}
