package revoke

import "time"

// A Position is how far an edge has followed the log: it says so itself, and
// the issuer adds who said it and when.
type Position struct {
	ClientID string    `json:"client_id"`
	Instance string    `json:"instance"`
	Log      string    `json:"log"`
	Seq      uint64    `json:"seq"`
	LagMS    int64     `json:"lag_ms"` // milliseconds from signing a message to its being applied
	Version  string    `json:"version"`
	At       time.Time `json:"reported_at"`
	// Keys are the issuer's keys that the edge can verify with; empty: it does not say.
	Keys []HeldKey `json:"keys,omitempty"`
}

// A HeldKey is a key that an edge has. Since when is the issuer's word: its clock, and
// the first report of that edge with the key in it.
type HeldKey struct {
	KeyID string    `json:"kid"`
	Since time.Time `json:"since,omitzero"`
}

// Holds returns since when the edge has a key.
func (p Position) Holds(kid string) (since time.Time, ok bool) {
	for _, k := range p.Keys {
		if k.KeyID == kid {
			return k.Since, true
		}
	}
	return time.Time{}, false
}
