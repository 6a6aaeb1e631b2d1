// Package revoke is the revocation log's vocabulary: its entries, the messages
// of the signed feed that carries them, and the view that an edge holds in
// memory. It verifies no signature, fetches nothing and reads no clock.
package revoke

import (
	"time"

	"github.com/jotward/jotward/internal/reason"
)

// Kind says what an entry revokes.
type Kind string

// The kinds of revocation.
const (
	KindToken   Kind = "token"
	KindGrant   Kind = "grant"
	KindSession Kind = "session"
	KindSubject Kind = "subject"
	KindClient  Kind = "client"
	KindKey     Kind = "key"
)

// Entry is one line of the revocation log.
type Entry struct {
	Seq     uint64 // its place in the log, without gaps
	Kind    Kind
	ID      string      // the claim's value: jti, grant_id, sid, sub, client_id; the kid of a key
	Version int64       // subject and client: tokens of a lower version are revoked
	Before  time.Time   // subject and client of foreign issuers: tokens issued earlier are revoked
	Expires time.Time   // when no living token can match any more
	At      time.Time   // when it was revoked
	Reason  reason.Code // why
}
