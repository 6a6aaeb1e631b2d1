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
}
