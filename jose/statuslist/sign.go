package statuslist

import (
	"encoding/json"
	"time"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

// mediaType is the typ of a status list token (section 5.1).
const mediaType = "statuslist+jwt"

// Info is what a status list token says beside its list (section 5.1).
type Info struct {
	URI            string        // sub: the address in the tokens whose status it holds
	Issuer         string        // iss, "" for none
	IssuedAt       time.Time     // iat
	Expiry         time.Time     // exp, the zero time for none
	TTL            time.Duration // ttl: after that a cache should ask again; 0 for none
	AggregationURI string        // where the issuer lists all its lists (section 9.2), "" for none
}

// A Signer signs status list tokens with one key. It is safe for use by many
// goroutines.
type Signer struct{ signer *jwt.Signer }

// SignerOptions say what a Signer writes beside the list. The zero value is usual.
type SignerOptions struct {
	// Parameters are further members of the header, such as x5c: jws.SignOptions.Parameters.
	Parameters map[string]any
}

// NewSigner builds a Signer. It fails like jwt.NewSigner.
func NewSigner(key *jwk.Key, o SignerOptions) (*Signer, error) {
	signer, err := jwt.NewSigner(key, jwt.SignerOptions{Type: mediaType, Parameters: o.Parameters})
	if err != nil {
		return nil, err
	}
	return &Signer{signer}, nil
}

// Sign returns a status list token. It fails with ClaimsInvalid when URI is none,
// IssuedAt is not set, Expiry is not after it, or TTL is negative or no whole
// number of seconds; and like jws.SignInput.
func (s *Signer) Sign(l *List, i Info) (string, error) {
	switch {
	case l == nil || l.bits == 0:
		return "", fail(jose.ClaimsInvalid, "no list")
	case !isURI(i.URI) || i.AggregationURI != "" && !isURI(i.AggregationURI):
		return "", fail(jose.ClaimsInvalid, "an address is not a URI")
	case i.IssuedAt.IsZero():
		return "", fail(jose.ClaimsInvalid, "iat is required")
	case !i.Expiry.IsZero() && !i.Expiry.After(i.IssuedAt):
		return "", fail(jose.ClaimsInvalid, "exp is not after iat")
	case i.TTL < 0 || i.TTL%time.Second != 0:
		return "", fail(jose.ClaimsInvalid, "ttl is negative or no whole number of seconds")
	}
	lst, err := l.compress()
	if err != nil {
		return "", err
	}
	type list struct {
		Aggregation string `json:"aggregation_uri,omitempty"`
		Bits        int    `json:"bits"`
		Lst         string `json:"lst"`
	}
	claims := struct {
		Expiry   *jwt.NumericDate `json:"exp,omitempty"`
		IssuedAt jwt.NumericDate  `json:"iat"`
		Issuer   string           `json:"iss,omitempty"`
		List     list             `json:"status_list"`
		URI      string           `json:"sub"`
		TTL      int64            `json:"ttl,omitempty"`
	}{
		IssuedAt: jwt.NumericDate{Time: i.IssuedAt}, Issuer: i.Issuer, URI: i.URI, TTL: int64(i.TTL / time.Second),
		List: list{i.AggregationURI, l.bits, lst},
	}
	if !i.Expiry.IsZero() {
		claims.Expiry = &jwt.NumericDate{Time: i.Expiry}
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", jose.NewError(jose.ClaimsInvalid, "the claims cannot be written as JSON", err)
	}
	return s.signer.Sign(payload)
}
