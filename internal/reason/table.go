package reason

// The library's reasons; a test compares them with jose.Reasons.
const (
	TokenMalformed        Code = "token_malformed"
	TokenOversize         Code = "token_oversize"
	HeaderInvalid         Code = "header_invalid"
	ClaimsInvalid         Code = "claims_invalid"
	AlgorithmNotAllowed   Code = "algorithm_not_allowed"
	CriticalUnsupported   Code = "critical_unsupported"
	TypeMismatch          Code = "type_mismatch"
	KeyNotFound           Code = "key_not_found"
	KeyAmbiguous          Code = "key_ambiguous"
	KeyInvalid            Code = "key_invalid"
	KeyWeak               Code = "key_weak"
	KeyMisuse             Code = "key_misuse"
	SignatureInvalid      Code = "signature_invalid"
	DecryptionFailed      Code = "decryption_failed"
	CompressionNotAllowed Code = "compression_not_allowed"
	WorkExceeded          Code = "work_exceeded"
	TokenExpired          Code = "token_expired"
	TokenNotYetValid      Code = "token_not_yet_valid"
	TokenFromFuture       Code = "token_issued_in_future"
	LifetimeExceeded      Code = "lifetime_exceeded"
	ClaimMissing          Code = "claim_missing"
	IssuerMismatch        Code = "issuer_mismatch"
	AudienceMismatch      Code = "audience_mismatch"
	ClaimMismatch         Code = "claim_mismatch"
	PolicyInvalid         Code = "policy_invalid"
	KeysUnavailable       Code = "keys_unavailable"
	KeySetInvalid         Code = "key_set_invalid"
	CredentialMissing     Code = "credential_missing"
	CredentialRepeated    Code = "credential_repeated"
	CredentialMalformed   Code = "credential_malformed"
	SenderProofUnchecked  Code = "sender_proof_unchecked"
	SenderMismatch        Code = "sender_mismatch"
	NonceMismatch         Code = "nonce_mismatch"
	TokenReplayed         Code = "token_replayed"
	StatusUnknown         Code = "status_unknown"
	StatusNotValid        Code = "status_not_valid"
	DisclosureInvalid     Code = "disclosure_invalid"
	KeyBindingMissing     Code = "key_binding_missing"
	ActionInvalid         Code = "action_invalid"
	StoreUnavailable      Code = "store_unavailable"
	TokenUnavailable      Code = "token_unavailable"
)

// The product's own reasons.
const (
	TokenRevoked    Code = "token_revoked"
	GrantRevoked    Code = "grant_revoked"
	SessionRevoked  Code = "session_revoked"
	SubjectRevoked  Code = "subject_revoked"
	ClientRevoked   Code = "client_revoked"
	KeyRevoked      Code = "key_revoked"
	RevocationStale Code = "revocation_stale"
	// TokenInactive is what the issuer says of a token that says nothing itself (RFC 7662).
	TokenInactive Code = "token_inactive"
	// IntrospectionUnavailable is that the issuer gave no answer that may be believed.
	IntrospectionUnavailable Code = "introspection_unavailable"
	// ExchangeUnavailable and ExchangeRefused are about the token that an upstream gets.
	ExchangeUnavailable Code = "exchange_unavailable"
	ExchangeRefused     Code = "exchange_refused"
	// EncryptionRequired is a signed token where its issuer's are encrypted as well.
	EncryptionRequired Code = "encryption_required"
	// IssuerAmbiguous is a token that does not say whose it is, where several could be.
	IssuerAmbiguous Code = "issuer_ambiguous"
	ScopeMissing    Code = "scope_missing"
	RoleMissing     Code = "role_missing"
	RateLimited     Code = "rate_limited"
	// AuthenticationInsufficient asks for a sign-in of another kind or age (RFC 9470).
	AuthenticationInsufficient Code = "authentication_insufficient"
	RuleDenied                 Code = "rule_denied"
	RequestAmbiguous           Code = "request_ambiguous"
	RouteNotFound              Code = "route_not_found"
	TransportInsecure          Code = "transport_insecure"
	UpstreamUnreachable        Code = "upstream_unreachable"
	UpstreamTimeout            Code = "upstream_timeout"
	UpstreamUnavailable        Code = "upstream_unavailable"
	ClientGone                 Code = "client_gone"
	RequestTooLarge            Code = "request_too_large"
	HeadersTooLarge            Code = "headers_too_large"
	RequestInvalid             Code = "request_invalid"
	RequestTimeout             Code = "request_timeout"
	ClientInvalid              Code = "client_invalid"
	ClientUnauthorized         Code = "client_unauthorized"
	GrantTypeUnsupported       Code = "grant_type_unsupported"
	ScopeInvalid               Code = "scope_invalid"
	AudienceInvalid            Code = "audience_invalid"
	RedirectMismatch           Code = "redirect_uri_mismatch"
	CodeInvalid                Code = "code_invalid"
	CodeReused                 Code = "code_reused"
	CodeVerifierMismatch       Code = "code_verifier_mismatch"
	RefreshInvalid             Code = "refresh_invalid"
	RefreshReused              Code = "refresh_reused"
	RefreshSuperseded          Code = "refresh_superseded"
	GrantExpired               Code = "grant_expired"
	// SenderProofMissing is a request without the proof that its client must send.
	SenderProofMissing Code = "sender_proof_missing"
	// SubjectTokenInvalid is a token that the client may not exchange, whatever the cause.
	SubjectTokenInvalid Code = "subject_token_invalid"
	// A device that asks for its tokens too early, too often, too late.
	DevicePending  Code = "device_pending"
	DeviceSlowDown Code = "device_slow_down"
	DeviceExpired  Code = "device_expired"
	// UserCodeInvalid is a code that a person typed and under which nothing waits.
	UserCodeInvalid      Code = "user_code_invalid"
	SignInFailed         Code = "sign_in_failed"
	SignInThrottled      Code = "sign_in_throttled"
	ConsentDenied        Code = "consent_denied"
	SignInRequired       Code = "sign_in_required"
	ConsentRequired      Code = "consent_required"
	SignInInsufficient   Code = "sign_in_insufficient"
	AddressRefused       Code = "address_refused"
	AddressUnreachable   Code = "address_unreachable"
	CrossOrigin          Code = "cross_origin"
	AdminUnauthorized    Code = "admin_unauthorized"
	NotFound             Code = "not_found"
	MethodNotAllowed     Code = "method_not_allowed"
	Conflict             Code = "conflict"
	PreconditionFailed   Code = "precondition_failed"
	MediaTypeUnsupported Code = "media_type_unsupported"
	IdempotencyKeyReused Code = "idempotency_key_reused"
	StreamsExceeded      Code = "streams_exceeded"
	PasswordChanged      Code = "password_changed"
	RolesChanged         Code = "roles_changed"
	AccountDisabled      Code = "account_disabled"
	ClientDisabled       Code = "client_disabled"
	// What registers itself (RFC 7591, RFC 7592).
	RegistrationTokenInvalid Code = "registration_token_invalid"
	ClientMetadataInvalid    Code = "client_metadata_invalid"
	RedirectURIInvalid       Code = "redirect_uri_invalid"
	RegistrationsExceeded    Code = "registrations_exceeded"
	Administrator            Code = "administrator"
	SignedOut                Code = "signed_out"
	Requested                Code = "requested"
	Internal                 Code = "internal"
	// SigningAlgorithmUnavailable is one that a client is to get and no key signs with now.
	SigningAlgorithmUnavailable Code = "signing_algorithm_unavailable"
	// EncryptionKeyUnavailable is a client's, that its ID tokens are encrypted for.
	EncryptionKeyUnavailable Code = "encryption_key_unavailable"
	// ClaimUnavailable is a claim that a client's expression could not give a token.
	ClaimUnavailable Code = "claim_unavailable"
	// RollbackUnavailable is a key that has none before it to go back to.
	RollbackUnavailable Code = "rollback_unavailable"
)

// Exit codes of the CLI: 0 is success, and these are the failures.
const (
	exitInternal  = 1
	exitUsage     = 2
	exitMalformed = 3
	exitSignature = 4
	exitTime      = 5
	exitClaim     = 6
	exitRevoked   = 7
	exitDenied    = 8
	exitNetwork   = 9
)

const (
	invalidToken      = "invalid_token"
	invalidRequest    = "invalid_request"
	invalidClient     = "invalid_client"
	invalidGrant      = "invalid_grant"
	insufficientScope = "insufficient_scope"
)

var table = []Info{
	{TokenMalformed, "the token is not three canonical base64url segments", "send the token exactly as it was issued", 401, invalidToken, exitMalformed},
	{TokenOversize, "the token is longer than the policy allows", "put fewer claims into the token, or raise the size limit", 401, invalidToken, exitMalformed},
	{HeaderInvalid, "the token's header is not a strict JSON object", "ask the issuer for a token that follows RFC 7515", 401, invalidToken, exitMalformed},
	{ClaimsInvalid, "the token's claims are not a strict JSON object", "ask the issuer for a token that follows RFC 7519", 401, invalidToken, exitMalformed},
	{AlgorithmNotAllowed, "the token's algorithm is not on the allow-list", "sign with an allowed algorithm, or allow this one", 401, invalidToken, exitSignature},
	{CriticalUnsupported, "the token demands an extension that is not understood", "do not use crit or b64 in a JWT", 401, invalidToken, exitMalformed},
	{TypeMismatch, "the token is of another kind", "send an access token, not an ID token or a token of another kind", 401, invalidToken, exitClaim},
	{KeyNotFound, "no known key fits the token", "check the issuer and its key set", 401, invalidToken, exitSignature},
	{KeyAmbiguous, "more than one key fits the token", "give each key a kid of its own", 401, invalidToken, exitSignature},
	{KeyInvalid, "the key is malformed or contradicts itself", "make the key again", 401, invalidToken, exitSignature},
	{KeyWeak, "the key is too weak for its algorithm", "use RSA of 2048 bits or more, or a secret as long as the hash", 401, invalidToken, exitSignature},
	{KeyMisuse, "the key is not meant for this use", "check the key's use, key_ops and family", 401, invalidToken, exitSignature},
	{SignatureInvalid, "the signature does not hold", "get a new token; if it persists, check the key set", 401, invalidToken, exitSignature},
	{DecryptionFailed, "the message does not open under the key", "check that it was encrypted to this key; nothing more can be said without helping an attacker", 401, invalidToken, exitSignature},
	{CompressionNotAllowed, "the message is compressed", "encrypt without zip, or allow compressed content", 401, invalidToken, exitMalformed},
	{WorkExceeded, "the message asks for more key derivation than is allowed", "encrypt with fewer iterations, or raise the cap", 401, invalidToken, exitMalformed},
	{TokenExpired, "the token has expired", "refresh, or get a new token", 401, invalidToken, exitTime},
	{TokenNotYetValid, "the token is not valid yet", "check the clocks of issuer and verifier", 401, invalidToken, exitTime},
	{TokenFromFuture, "the token was issued in the future", "check the clocks of issuer and verifier", 401, invalidToken, exitTime},
	{LifetimeExceeded, "the token lives longer than the policy allows", "issue shorter tokens, or raise the maximum lifetime", 401, invalidToken, exitTime},
	{ClaimMissing, "a required claim is missing", "have the issuer add the claim", 401, invalidToken, exitClaim},
	{IssuerMismatch, "the token comes from another issuer", "get the token from the expected issuer", 401, invalidToken, exitClaim},
	{AudienceMismatch, "the token is meant for another audience", "ask for a token for this audience", 401, invalidToken, exitClaim},
	{ClaimMismatch, "a claim has another value than expected", "compare the token's claims with the policy", 401, invalidToken, exitClaim},
	{PolicyInvalid, "the policy leaves something unsaid", "name issuer, audience, algorithms, type and lifetime", 500, "", exitUsage},
	{KeysUnavailable, "the issuer's keys cannot be had", "check that the issuer is reachable", 503, "", exitNetwork},
	{KeySetInvalid, "the issuer's key set was refused", "check what the jwks_uri answers", 503, "", exitNetwork},
	{CredentialMissing, "the request carries no credential", "send Authorization: Bearer with an access token", 401, "", exitClaim},
	{CredentialRepeated, "the request carries more than one credential", "send exactly one", 400, invalidRequest, exitMalformed},
	{CredentialMalformed, "the credential is not one readable token", "send Authorization: Bearer with one token", 401, invalidToken, exitMalformed},
	{SenderProofUnchecked, "the token is bound to a sender whose proof was not checked", "use a route that checks the proof", 401, invalidToken, exitClaim},
	{SenderMismatch, "the proof is of another key than the one the token is bound to", "prove the key that the token was issued to", 401, invalidToken, exitClaim},
	{NonceMismatch, "the nonce is missing or is not the one that was given out", "send the nonce of the last answer, or start the sign-in again", 401, "use_dpop_nonce", exitClaim},
	{TokenReplayed, "a token that may be used once came a second time", "make a new one for each request", 401, invalidToken, exitClaim},
	{StatusUnknown, "nothing can be said about the token's status", "check the token's status claim and the age of the status list", 401, invalidToken, exitRevoked},
	{StatusNotValid, "the status list says that the token is not valid", "get a new token, or ask its issuer", 401, invalidToken, exitRevoked},
	{DisclosureInvalid, "a disclosure does not fit the signed token", "present the disclosures as they were issued, each once", 401, invalidToken, exitMalformed},
	{KeyBindingMissing, "the holder's proof of its key is missing", "present the token with a key binding for this verifier", 401, invalidToken, exitClaim},
	{ActionInvalid, "the link is unknown, expired, used, or for something else", "ask for a new link", 400, invalidRequest, exitDenied},
	{StoreUnavailable, "a store cannot answer, or has no room", "check the store; if it is bounded, use a larger one", 503, "", exitInternal},
	{TokenUnavailable, "no token can be had from the issuer", "check the issuer, the client and its secret", 503, "", exitNetwork},
	{TokenRevoked, "this token was revoked", "sign in again", 401, invalidToken, exitRevoked},
	{GrantRevoked, "the grant behind the token was revoked", "sign in again", 401, invalidToken, exitRevoked},
	{SessionRevoked, "the session behind the token has ended", "sign in again", 401, invalidToken, exitRevoked},
	{SubjectRevoked, "the person's tokens were revoked", "sign in again", 401, invalidToken, exitRevoked},
	{ClientRevoked, "the client's tokens were revoked", "ask the operator", 401, invalidToken, exitRevoked},
	{KeyRevoked, "the signing key was revoked", "get a new token", 401, invalidToken, exitRevoked},
	{RevocationStale, "the edge has not heard of revocations for too long", "check the feed between edge and issuer", 503, "", exitNetwork},
	{TokenInactive, "the issuer says that the token is not active", "get a new token; if it persists, check whether the edge's client may ask about it", 401, invalidToken, exitRevoked},
	{IntrospectionUnavailable, "the issuer cannot be asked about the token", "check the introspection endpoint, and the edge's client there", 503, "", exitNetwork},
	{ExchangeUnavailable, "the issuer cannot be asked for the upstream's token", "check the token endpoint, and the edge's client there", 503, "", exitNetwork},
	{ExchangeRefused, "the issuer gives no token for the service behind the route", "check that the token is for the edge's client, and what that may ask for", 403, insufficientScope, exitDenied},
	{EncryptionRequired, "the token is not encrypted, and its issuer's tokens are", "send the encrypted token", 401, invalidToken, exitClaim},
	{IssuerAmbiguous, "the token does not say which issuer it is of", "put iss into the header of encrypted tokens (RFC 7519 5.3), or give the route one such issuer", 401, invalidToken, exitClaim},
	{ScopeMissing, "the token lacks a scope that the route needs", "ask for a token with that scope", 403, insufficientScope, exitDenied},
	{RoleMissing, "the token lacks a role that the route needs", "have the role given to the subject", 403, insufficientScope, exitDenied},
	{RateLimited, "too many requests", "wait as Retry-After says", 429, "", exitDenied},
	{AuthenticationInsufficient, "the route asks for a stronger or fresher sign-in", "sign in again as the challenge asks", 401, "insufficient_user_authentication", exitDenied},
	{RuleDenied, "a claim rule of the route does not hold", "compare the token's claims with the route's rules", 403, insufficientScope, exitDenied},
	{RequestAmbiguous, "the request's host or path has two readings", "send the path in its canonical form", 400, "", exitUsage},
	{RouteNotFound, "no route matches", "check host, path and method", 404, "", exitUsage},
	{TransportInsecure, "the token arrived over plain HTTP", "use https, and get a new token: this one was exposed", 400, invalidRequest, exitUsage},
	{UpstreamUnreachable, "the service behind the edge cannot be reached", "check the upstream", 502, "", exitNetwork},
	{UpstreamTimeout, "the service behind the edge did not answer in time", "check the upstream, or raise its timeout", 504, "", exitNetwork},
	{UpstreamUnavailable, "every upstream of the pool is out: each failed, or its health check does", "check the upstreams, and the log for when each went out", 503, "", exitNetwork},
	{ClientGone, "the client went away before the answer was complete", "nothing; if it persists, compare the client's timeout with the upstream's", 499, "", exitNetwork},
	{RequestTooLarge, "the request is larger than allowed", "send less", 413, invalidRequest, exitUsage},
	{HeadersTooLarge, "the request's header fields are larger than allowed", "send fewer cookies and shorter fields", 431, invalidRequest, exitUsage},
	{RequestTimeout, "the request's body stopped coming", "send it without long rests", 408, invalidRequest, exitNetwork},
	{RequestInvalid, "the request is malformed", "compare the request with the documentation", 400, invalidRequest, exitUsage},
	{ClientInvalid, "the client could not be authenticated", "check client id and secret", 401, invalidClient, exitDenied},
	{ClientUnauthorized, "the client may not do this", "allow the client the grant type, or the scope, that it needs", 400, "unauthorized_client", exitDenied},
	{GrantTypeUnsupported, "the grant type does not exist here", "use one of grant_types_supported in the metadata", 400, "unsupported_grant_type", exitUsage},
	{ScopeInvalid, "a scope is unknown or not allowed for the client", "ask for allowed scopes only", 400, "invalid_scope", exitDenied},
	{AudienceInvalid, "the client has no audience, or not the resource that was asked for", "give the client an audience, or ask for one of its own", 400, "invalid_target", exitDenied},
	{RegistrationTokenInvalid, "the token that registration needs is missing, unknown, used up or expired", "register with an initial access token, and manage a client with the newest registration access token of its own", 401, invalidToken, exitDenied},
	{ClientMetadataInvalid, "the client asks to be what clients may not register as here", "compare its metadata with error_description and issuer.registration", 400, "invalid_client_metadata", exitUsage},
	{RedirectURIInvalid, "a redirect URI is none that a client may register", "register exact https addresses, or what else issuer.registration allows", 400, "invalid_redirect_uri", exitUsage},
	{RegistrationsExceeded, "as many clients have registered as may", "delete those that nobody uses, or raise issuer.registration.max_clients", 503, "temporarily_unavailable", exitDenied},
	{RedirectMismatch, "the redirect_uri is not one of the client's", "register it exactly as it is sent", 400, invalidRequest, exitDenied},
	{CodeInvalid, "the code is unknown, expired or another client's", "start the sign-in again", 400, invalidGrant, exitDenied},
	{CodeReused, "the code was used twice; its grant is revoked", "start the sign-in again", 400, invalidGrant, exitRevoked},
	{CodeVerifierMismatch, "the code_verifier does not fit the code_challenge", "send the verifier that the challenge was made from", 400, invalidGrant, exitDenied},
	{RefreshInvalid, "the refresh token is unknown or another client's", "sign in again", 400, invalidGrant, exitDenied},
	{RefreshReused, "a spent refresh token came back; its grant is revoked", "sign in again, and look for a stolen token", 400, invalidGrant, exitRevoked},
	{RefreshSuperseded, "the refresh token was already followed by a newer one in use", "use the newest refresh token", 400, invalidGrant, exitDenied},
	{GrantExpired, "the grant has reached its end", "sign in again", 400, invalidGrant, exitTime},
	{SubjectTokenInvalid, "the token to exchange does not hold, or was not issued to this client or for it", "send a live access token whose audience names the client (RFC 8693)", 400, invalidRequest, exitClaim},
	{SenderProofMissing, "the client gets tokens for a DPoP proof only, and there is none", "send a DPoP proof (RFC 9449 5)", 400, "invalid_dpop_proof", exitDenied},
	{DevicePending, "the person has not answered yet", "ask again after the interval (RFC 8628 3.5)", 400, "authorization_pending", exitDenied},
	{DeviceSlowDown, "the device asks too often", "wait five seconds longer between requests (RFC 8628 3.5)", 400, "slow_down", exitDenied},
	{DeviceExpired, "nobody answered in time", "start again (RFC 8628 3.5)", 400, "expired_token", exitDenied},
	{UserCodeInvalid, "no device waits under this code", "compare it with what the device shows, or start again there", 400, invalidRequest, exitDenied},
	{SignInFailed, "name or password is wrong", "try again", 401, "access_denied", exitDenied},
	{SignInThrottled, "too many failed sign-ins", "wait, then try again", 429, "access_denied", exitDenied},
	{ConsentDenied, "the person declined", "ask the person", 403, "access_denied", exitDenied},
	{SignInRequired, "nobody is signed in as the client demands, and no page may be shown", "send the person again without prompt=none", 401, "login_required", exitDenied},
	{ConsentRequired, "the person has not consented, and no page may be shown", "send the person again without prompt=none", 403, "consent_required", exitDenied},
	{SignInInsufficient, "no sign-in here is of a class that the client calls essential", "ask for one of acr_values_supported in the metadata", 403, "unmet_authentication_requirements", exitDenied},
	{AddressRefused, "the address that was chosen is one that nothing is sent to", "give an https address of the public Internet, or allow its network in issuer.outbound_networks", 400, invalidRequest, exitUsage},
	{AddressUnreachable, "the address that was chosen did not answer", "check the service there, and the way to it", 502, "", exitNetwork},
	{CrossOrigin, "a page of another origin sent this request", "start from the application again", 403, invalidRequest, exitDenied},
	{AdminUnauthorized, "the admin token is missing or wrong", "send the admin token", 401, "", exitDenied},
	{NotFound, "there is no such thing", "check the identifier", 404, "", exitUsage},
	{MethodNotAllowed, "the address does not know this method", "use a method of the Allow header", 405, invalidRequest, exitUsage},
	{Conflict, "it exists already, or was changed meanwhile", "read it again, then retry", 409, "", exitUsage},
	{SigningAlgorithmUnavailable, "no key of the client's signing algorithm may sign now", "see `jotward keys list`: a new key signs after issuer.signing.publish_ahead; or name the algorithm in issuer.signing.algorithms", 503, "temporarily_unavailable", exitInternal},
	{EncryptionKeyUnavailable, "the client's ID tokens are encrypted, and its key for that cannot be had", "see the issuer's log: the client's jwks_uri must answer with a key whose alg is id_token_encrypted_response_alg", 503, "temporarily_unavailable", exitNetwork},
	{ClaimUnavailable, "a claim that the client's tokens have could not be made", "see the issuer's log for the claim: make its expression hold for everybody, or give null", 400, invalidRequest, exitInternal},
	{RollbackUnavailable, "no key of before is still published that could sign again", "rotate; a key is published until the last token that it signed has expired", 409, "", exitUsage},
	{PreconditionFailed, "it is not in the state that If-Match names", "read it again, then retry with its ETag", 412, "", exitUsage},
	{MediaTypeUnsupported, "the body is of a media type that is not read here", "send application/json", 415, invalidRequest, exitUsage},
	{IdempotencyKeyReused, "the Idempotency-Key was used for another request", "make a new key for each request", 422, "", exitUsage},
	{StreamsExceeded, "the client follows the feed too many times at once", "end other streams, or give each edge a client of its own", 429, invalidRequest, exitNetwork},
	{PasswordChanged, "the password was changed", "sign in again", 401, invalidToken, exitRevoked},
	{RolesChanged, "roles or permissions were changed", "refresh", 401, invalidToken, exitRevoked},
	{AccountDisabled, "the account is disabled", "ask the operator", 401, invalidGrant, exitRevoked},
	{ClientDisabled, "the client is disabled", "ask the operator", 401, invalidClient, exitRevoked},
	{Administrator, "an administrator revoked it", "ask the operator", 401, invalidToken, exitRevoked},
	{SignedOut, "the person signed out", "sign in again", 401, invalidToken, exitRevoked},
	{Requested, "the client revoked it (RFC 7009)", "sign in again", 401, invalidToken, exitRevoked},
	{Internal, "something failed inside", "read the log line with this request id", 500, "server_error", exitInternal},
}
