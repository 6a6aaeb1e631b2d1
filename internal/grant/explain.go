package grant

import (
	"context"

	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/token"
	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwt"
	"github.com/jotward/jotward/jose/lint"
)

// Explained is all that an operator is told of a token. Nobody is let in by it.
type Explained struct {
	Checks   []jwt.Check
	Findings []lint.Finding
	// Access are the claims of an access token that the issuer signed, nil for what it did
	// not sign or cannot read. Ended says what has ended that token, "" when nothing has.
	Access *token.Access
	Ended  reason.Code
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

// Explain makes every check of a token of the issuer's, as a kind, for an audience ("" for
// any), finds the common mistakes in it, and asks whether it was taken back.
func (s *Service) Explain(ctx context.Context, text, kind, audience string) (out Explained, err error) {
	e, err := s.Minter.Explain(ctx, text, kind, audience)
	if err != nil {
		return out, err
	}
	out.Checks = e.Checks
	as := lint.Access
	if kind == token.KindID {
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
	out.Access = &a
	out.Ended, err = s.Ended(ctx, a)
	return out, err
}
