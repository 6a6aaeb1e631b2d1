package revoke

import "time"

// Position is how far an edge has followed the log, as it said itself.
type Position struct {
	ClientID, Instance, Log, Version string
	Seq                              uint64
	LagMS                            int64
	At                               time.Time
}
