package grant

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/token"
	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jws"
	"github.com/jotward/jotward/jose/jwt"
	"github.com/jotward/jotward/jose/lint"
)

// Explained is all that an operator is told of a token. Nobody is let in by it.
type Explained struct {
	Checks   []jwt.Check    `json:"checks"`
	Findings []lint.Finding `json:"findings"`
	// Hint says in what way it is something else than it was taken for, "" when in none.
	Hint string `json:"hint,omitempty"`
	// Access are the claims of an access token that the issuer signed, nil for what it did
	// not sign or cannot read, and Claims the same as a token says them, with those that
	// expressions gave. Ended says what has ended that token, "" when nothing has.
	Access *token.Access   `json:"-"`
	Claims json.RawMessage `json:"access_token_claims,omitempty"`
	Ended  reason.Code     `json:"ended,omitempty"`
}

// tell adds what is known of an access token that is the issuer's.
func (s *Service) tell(ctx context.Context, out *Explained, a token.Access) (err error) {
	out.Access = &a
	if out.Claims, err = token.Join(a, a.Extra); err != nil {
		return err
	}
	out.Ended, err = s.Ended(ctx, a)
	return err
}

// Refused is the first check that failed, nil when none has.
func (e Explained) Refused() *jwt.Check {
	for i := range e.Checks {
		if e.Checks[i].State == jwt.CheckFailed {
			return &e.Checks[i]
		}
	}
	return nil
}

// A Question is what an operator wants to know of a token: whether it holds as a kind
// (token.KindAccess or token.KindID, "" for the first), for an audience. One of Audience
// and AnyAudience is set: no audience is left unchecked by accident.
type Question struct {
	Token       string `json:"token"`
	Kind        string `json:"kind"`
	Audience    string `json:"audience"`
	AnyAudience bool   `json:"any_audience"`
}

// ID reports whether the token is looked at as an ID token.
func (q Question) ID() bool { return q.Kind == token.KindID }

// Explain makes every check of a token of the issuer's, finds the common mistakes in it,
// and asks whether it was taken back. It fails with RequestInvalid for a question that
// leaves something unsaid; a token is never too bad to be explained.
func (s *Service) Explain(ctx context.Context, q Question) (out Explained, err error) {
	text := strings.TrimSpace(q.Token)
	if scheme, rest, ok := strings.Cut(text, " "); ok && strings.EqualFold(scheme, "bearer") {
		text = strings.TrimSpace(rest)
	}
	switch {
	case text == "":
		return out, unsaid("paste a token")
	case (q.Audience == "") != q.AnyAudience:
		return out, unsaid("say whom the token must be for, or that any audience will do: one of the two")
	case q.Kind != "" && q.Kind != token.KindAccess && q.Kind != token.KindID:
		return out, unsaid("kind is neither access_token nor id_token")
	}
	if stored(text) {
		return s.explainReference(ctx, text, q)
	}
	e, err := s.Minter.Explain(ctx, text, q.Kind, q.Audience)
	if err != nil {
		return out, err
	}
	out.Checks, out.Hint = e.Checks, hint(text, q)
	as := lint.Access
	if q.ID() {
		as = lint.ID
	}
	if out.Findings, err = lint.Check(text, lint.Options{Now: s.Now(), Kind: as}); err != nil {
		return out, err
	}
	a, err := s.Minter.Read(ctx, text)
	switch {
	case jose.ReasonOf(err) != "":
		return out, nil
	case err != nil:
		return out, err
	}
	err = s.tell(ctx, &out, a.WithExtra(text))
	return out, err
}

func unsaid(detail string) error {
	return &reason.Error{Code: reason.RequestInvalid, Detail: detail}
}

// hint says in what way a text is something else than it was taken for. Nothing vouches
// for what it goes by, so it decides nothing.
func hint(text string, q Question) string {
	switch strings.Count(text, ".") {
	case 2:
	default:
		if strings.HasPrefix(text, "rt_") {
			return "This is a refresh token: it means something to its client and the token endpoint alone."
		}
		return "This is no JWT. Refresh tokens, codes and client secrets look like this; a JWT has three parts with dots between."
	}
	header, _, _ := strings.Cut(text, ".")
	h, err := jws.ParseHeader(header)
	if err != nil {
		return ""
	}
	typ := strings.TrimPrefix(strings.ToLower(h.Type), "application/")
	switch {
	case !q.ID() && typ == "jwt":
		return "By its typ this is an ID token: it tells one application who signed in, and no API should take it. Explain it as an ID token."
	case q.ID() && typ == "at+jwt":
		return "By its typ this is an access token. Explain it as one."
	case strings.HasSuffix(typ, "+jwt") && typ != "at+jwt":
		return "By its typ this is neither an access token nor an ID token, but of a kind of its own."
	}
	return ""
}
