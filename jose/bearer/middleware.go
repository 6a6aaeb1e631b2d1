package bearer

import (
	"context"
	"crypto/x509"
	"net/http"
	"slices"
	"strings"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwt"
)

// Options say what Middleware asks for and how it answers.
type Options struct {
	// Realm stands in every challenge; left out when empty.
	Realm string
	// Scopes must all be in the token's scope claim (RFC 9068 2.2.3).
	Scopes []string
	// ResourceMetadata is the address of the resource's metadata, named in every
	// challenge (RFC 9728 5.1); left out when empty.
	ResourceMetadata string
	// DPoP has tokens accepted that are bound to a key, each with its proof (RFC 9449).
	//
	// A token whose cnf claim names what is not checked here, by DPoP or Certificate, is
	// refused: as a bearer token it would be worth to a thief what its binding was to
	// prevent. Authorize is for programs that check another proof.
	DPoP *DPoP
	// Certificate has tokens accepted that are bound to a client certificate (RFC 8705 3):
	// it returns the one whose possession the client of this request has shown, nil for
	// none. PeerCertificate is it where this server ends TLS and asks for certificates
	// (tls.Config.ClientAuth); behind a proxy it reads the proxy's header, of requests
	// that came from the proxy alone. Who issued the certificate does not matter.
	Certificate func(*http.Request) *x509.Certificate
	// OnReject is told of every refusal, before the answer is written. For
	// counting and logging; optional.
	OnReject func(*http.Request, error)
}

// A Verifier accepts a token or says why not. *jwt.Verifier is one, and so are
// *jwt.NestedVerifier and the profiles of package jwt that give a Token.
type Verifier[C any] interface {
	Verify(ctx context.Context, token string) (*jwt.Token[C], error)
}

// key is the context key for tokens of one claims type.
type key[C any] struct{}

// FromContext returns the token that Middleware put there.
func FromContext[C any](ctx context.Context) (*jwt.Token[C], bool) {
	t, ok := ctx.Value(key[C]{}).(*jwt.Token[C])
	return t, ok
}

// NewContext returns a context with the token, for tests of handlers.
func NewContext[C any](ctx context.Context, t *jwt.Token[C]) context.Context {
	return context.WithValue(ctx, key[C]{}, t)
}

// Middleware lets a request through to next only with one credential that v
// accepts and that has the scopes. It panics when v is nil, or DPoP incomplete.
func Middleware[C any](v Verifier[C], o Options) func(http.Handler) http.Handler {
	if v == nil {
		panic("bearer: Middleware without a verifier")
	}
	if !o.DPoP.complete() {
		panic("bearer: DPoP without a verifier, an origin, algorithms, or one of nonces and clock")
	}
	o.Scopes = slices.Clone(o.Scopes)
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			o.DPoP.offer(w)
			t, err := authenticate(v, &o, r)
			if err != nil {
				if o.OnReject != nil {
					o.OnReject(r, err)
				}
				o.refuse(w, err)
				return
			}
			next.ServeHTTP(w, r.WithContext(NewContext(r.Context(), t)))
		})
	}
}

func authenticate[C any](v Verifier[C], o *Options, r *http.Request) (*jwt.Token[C], error) {
	from, proof := FromRequest, o.DPoP.asked(r)
	if proof {
		from = FromRequestDPoP
	}
	text, err := from(r)
	if err != nil {
		return nil, err
	}
	t, err := v.Verify(r.Context(), text)
	if err != nil {
		return nil, err
	}
	b, err := t.Confirmation()
	if err != nil {
		return nil, err
	}
	proven, err := o.prove(b, text, r, proof)
	if err != nil {
		return nil, err
	}
	if err := Authorize(t, o.Scopes, proven); err != nil {
		return nil, err
	}
	return t, nil
}

// Authorize decides what Middleware decides once a token is verified: that the
// proof which cnf asks for was checked, and that all scopes are there. It fails
// with SenderProofUnchecked, ScopeMissing, ClaimsInvalid for a scope claim that is
// no string, or PolicyInvalid for a scope that is the empty string: a setting that
// was forgotten, and no leave for everybody.
func Authorize[C any](t *jwt.Token[C], scopes []string, proofChecked bool) error {
	if t.Bound() && !proofChecked {
		return fail(jose.SenderProofUnchecked, "the token is bound to a key (cnf) and no proof was checked")
	}
	if len(scopes) == 0 {
		return nil
	}
	if slices.Contains(scopes, "") {
		return fail(jose.PolicyInvalid, "a scope that is the empty string")
	}
	scope, err := t.Scope()
	if err != nil {
		return err
	}
	return checkScopes(scope, scopes)
}

// errScope is told apart from other refusals: it is the one that more consent
// could cure, and is answered with 403.
type errScope struct{ error }

func (e errScope) Unwrap() error { return e.error }

func checkScopes(scope string, wanted []string) error {
	have := strings.Split(scope, " ")
	for _, scope := range wanted {
		if !slices.Contains(have, scope) {
			return errScope{fail(jose.ScopeMissing, "the token lacks a scope that is needed here")}
		}
	}
	return nil
}
