package lint

// A Code is the stable name of a finding, such as "lifetime_long".
type Code string

// A Severity says how grave a finding is.
type Severity string

// The severities.
const (
	Error   Severity = "error"   // an attack, a leak, or a token that good verifiers refuse
	Warning Severity = "warning" // weakens what the token is for
	Info    Severity = "info"    // worth knowing
)

// The codes. A code never changes its meaning once it has been released.
const (
	NotAToken          Code = "not_a_token"
	TokenEncrypted     Code = "token_encrypted"
	TokenHuge          Code = "token_huge"
	TokenLarge         Code = "token_large"
	ClaimLarge         Code = "claim_large"
	HeaderUnreadable   Code = "header_unreadable"
	ClaimsUnreadable   Code = "claims_unreadable"
	AlgorithmNone      Code = "algorithm_none"
	AlgorithmUnknown   Code = "algorithm_unknown"
	AlgorithmSymmetric Code = "algorithm_symmetric"
	HeaderCritical     Code = "header_critical"
	HeaderKey          Code = "header_key"
	HeaderKeyAddress   Code = "header_key_address"
	KeyIDMissing       Code = "key_id_missing"
	TypeMissing        Code = "type_missing"
	KeyWeak            Code = "key_weak"
	KeyUnusable        Code = "key_unusable"
	KeyMismatch        Code = "key_mismatch"
	SecretGuessable    Code = "secret_guessable"
	IssuerMissing      Code = "issuer_missing"
	SubjectMissing     Code = "subject_missing"
	AudienceMissing    Code = "audience_missing"
	AudienceAny        Code = "audience_any"
	ExpiryMissing      Code = "expiry_missing"
	IssuedAtMissing    Code = "issued_at_missing"
	IDMissing          Code = "id_missing"
	LifetimeLong       Code = "lifetime_long"
	ExpiryBeforeIssue  Code = "expiry_before_issue"
	NotBeforeAfterEnd  Code = "not_before_after_expiry"
	NotBeforeOdd       Code = "not_before_before_issue"
	IssuedInFuture     Code = "issued_in_future"
	DateString         Code = "date_string"
	DateMilliseconds   Code = "date_milliseconds"
	DateFraction       Code = "date_fraction"
	DateRange          Code = "date_range"
	IDTokenAsAccess    Code = "id_token_as_access_token"
	RefreshAsAccess    Code = "refresh_token_as_access_token"
	PersonalEmail      Code = "personal_email"
	PersonalPhone      Code = "personal_phone"
	PersonalData       Code = "personal_data"
	PaymentCard        Code = "payment_card"
	KeyMaterial        Code = "key_material"
	SecretInClaims     Code = "secret_in_claims"
	TokenInClaims      Code = "token_in_claims"
	FindingsLeftOut    Code = "findings_left_out"
	ClaimType          Code = "claim_type"
)

// A Rule is what is always true of the findings of one code.
type Rule struct {
	Code     Code     `json:"code"`
	Severity Severity `json:"severity"`
	Why      string   `json:"why"` // what goes wrong
	Fix      string   `json:"fix"` // what to do
}

// Rules returns the whole table in the order of the docs page. The slice is the
// caller's own.
func Rules() []Rule {
	return []Rule{
		{NotAToken, Error, "it is not three canonical base64url segments, so strict readers refuse it", "send the token exactly as it was issued"},
		{TokenEncrypted, Info, "it is encrypted, so its claims cannot be looked at", "lint what was decrypted"},
		{TokenHuge, Error, "it is longer than this looks at, and than servers read", "keep data in a database and its identifier in the token"},
		{TokenLarge, Warning, "with more than 4 KiB it fills header limits and travels with every request", "leave out what the receiver can look up; see claim_large"},
		{ClaimLarge, Info, "it is a large part of a large token", "replace it by an identifier, or ask for fewer scopes"},
		{HeaderUnreadable, Error, "the header is not one strict JSON object with alg, or its members have other types", "write the header with a JOSE library"},
		{ClaimsUnreadable, Error, "the claims are not one strict JSON object: two readers can see two tokens", "write the claims with a JSON encoder, each name once"},
		{AlgorithmNone, Error, "nobody signed it: anybody can have written it (RFC 8725 3.1)", "sign it, and never allow none"},
		{AlgorithmUnknown, Error, "alg names no signature algorithm that this library knows", "use ES256, EdDSA, PS256 or RS256"},
		{AlgorithmSymmetric, Warning, "issuer and audience are two parties with one secret: the audience can issue tokens too", "sign with ES256 or EdDSA, and publish the public key"},
		{HeaderCritical, Error, "crit or b64 asks readers of a JWT for what they must refuse (RFC 7797 7)", "leave it out"},
		{HeaderKey, Warning, "it brings a key along: a reader that uses it accepts everybody's tokens (CVE-2018-0114)", "name the key with kid, and publish it in a key set"},
		{HeaderKeyAddress, Warning, "it says where to fetch its key: a reader that follows is led wherever a stranger likes (RFC 8725 3.10)", "name the key with kid, and publish it in a key set"},
		{KeyIDMissing, Info, "without kid, readers try keys, and the key cannot rotate smoothly", "write the kid of the key"},
		{TypeMissing, Warning, "without typ, a token of one kind passes for another (RFC 8725 3.11)", "write the kind, such as at+jwt"},
		{KeyWeak, Error, "the key is too small or known to be breakable", "make a new one, and let the library choose its size"},
		{KeyUnusable, Error, "the key is malformed or contradicts itself", "make it again, and compare it with RFC 7518 6"},
		{KeyMismatch, Error, "the key is not for the token's algorithm", "use the key that the token names"},
		{SecretGuessable, Error, "it is signed with a secret out of a tutorial: anybody can sign tokens", "make a random secret, and refuse all tokens of this one"},
		{IssuerMissing, Warning, "without iss, the keys of one issuer serve for another (RFC 8725 3.8)", "write iss"},
		{SubjectMissing, Warning, "without sub, it says nothing about anybody", "write sub"},
		{AudienceMissing, Warning, "without aud, one service can use it at another (RFC 8725 3.9)", "write the one service that it is for"},
		{AudienceAny, Warning, "aud names everybody, which is nobody in particular", "write the one service that it is for"},
		{ExpiryMissing, Error, "without exp it is good for ever, for whoever finds it", "write exp, minutes from now"},
		{IssuedAtMissing, Info, "without iat, its age and its life cannot be bounded", "write iat"},
		{IDMissing, Warning, "without jti, this one token cannot be revoked, nor a replay be seen", "write a random jti"},
		{LifetimeLong, Warning, "it lives long, and nobody can take it back meanwhile", "issue minutes, and refresh"},
		{ExpiryBeforeIssue, Error, "exp is not after iat: it never was valid", "compute exp from iat"},
		{NotBeforeAfterEnd, Error, "nbf is not before exp: it never is valid", "leave nbf out, or compute it from iat"},
		{NotBeforeOdd, Info, "nbf is before iat, so it says nothing that iat does not", "leave nbf out"},
		{IssuedInFuture, Warning, "iat is in the future: the issuer's clock is ahead", "set the issuer's clock"},
		{DateString, Error, "a date is a string, which strict readers refuse and lax ones compare as text (RFC 7519 2)", "write a number of seconds"},
		{DateMilliseconds, Error, "a date is in milliseconds: read as seconds, it is in a far future", "divide by 1000"},
		{DateFraction, Info, "a date has a fraction or an exponent, which readers round differently", "write whole seconds"},
		{DateRange, Error, "a date is no date between 1970 and 9999", "write a number of seconds since 1970"},
		{ClaimType, Error, "a registered claim has another type than RFC 7519 4.1 gives it", "write a string; for aud, a string or a list of strings"},
		{IDTokenAsAccess, Error, "it has the claims of an ID token, which tells a client who signed in, and gives no access", "send the access token"},
		{RefreshAsAccess, Error, "it says it is a refresh token, which belongs to the issuer's token endpoint alone", "send the access token, and revoke this one if it travelled"},
		{PersonalEmail, Warning, "an e-mail address can be read by everybody on the way, and in every log", "name people by an opaque identifier; serve the rest from userinfo"},
		{PersonalPhone, Warning, "a telephone number can be read by everybody on the way, and in every log", "name people by an opaque identifier; serve the rest from userinfo"},
		{PersonalData, Warning, "personal data can be read by everybody on the way, and in every log", "name people by an opaque identifier; serve the rest from userinfo"},
		{PaymentCard, Error, "a number passes for a payment card's (Luhn): a token is no place for one (PCI DSS 3)", "take it out, and treat the card as exposed"},
		{KeyMaterial, Error, "a private or secret key can be read by whoever has the token", "take it out, and replace the key"},
		{SecretInClaims, Error, "a password or a secret can be read by whoever has the token: it is signed, not encrypted", "take it out, and replace the secret"},
		{TokenInClaims, Warning, "a token inside the token gives its powers to whoever reads it", "keep it on the server"},
		{FindingsLeftOut, Info, "there are more findings than are listed", "mend these, and look again"},
	}
}
