package edge

import (
	"time"

	"github.com/jotward/jotward/internal/reason"
)

// held is the policy before one that accepts proofs for longer. Those that were made
// under it are accepted no longer than it said, for they are remembered no longer.
type held struct {
	before time.Time // proofs that were made before; zero: there was none
	window time.Duration
}

// window is for how long a proof is accepted.
func (ps *proofs) window() time.Duration { return ps.config.MaxAge + ps.config.Leeway }

// hold takes over what the last policy leaves. Edges that share do not change theirs
// all at once.
func (ps *proofs) hold(old *proofs, shared bool, now time.Time) {
	if old == nil {
		return
	}
	if now.Before(old.held.before.Add(ps.window())) {
		ps.held = old.held
	}
	if ps.window() <= old.window() {
		return
	}
	h := held{now.Add(old.config.Leeway), old.window()}
	if shared {
		h.before = h.before.Add(rolling)
	}
	if ps.held != (held{}) {
		h.window = min(h.window, ps.held.window)
	}
	ps.held = h
}

func (h held) check(made, now time.Time) *refusal {
	if made.Before(h.before) && now.After(made.Add(h.window)) {
		return &refusal{code: reason.TokenExpired, proof: true, detail: "the proof was made under a policy that accepted it for " + h.window.String()}
	}
	return nil
}
