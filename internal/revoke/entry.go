// Package revoke is what issuer and edge share about revocations: the entry of
// the log, how it travels in signed messages, and the view an edge keeps of it.
package revoke

import (
	"time"

	"github.com/jotward/jotward/internal/reason"
)

// A Kind says what an entry revokes.
type Kind string

// The kinds.
const (
	KindToken   Kind = "token"
	KindGrant   Kind = "grant"
	KindSession Kind = "session"
	KindSubject Kind = "subject"
	KindClient  Kind = "client"
	KindKey     Kind = "key"
)

// An Entry is one revocation as the log holds it.
type Entry struct {
	Seq     uint64
	Kind    Kind
	ID      string
	Version int64     // subject, client: tokens with a lower version are revoked
	Before  time.Time // subject, client of foreign issuers: tokens issued before it are revoked
	Expires time.Time // when it may be forgotten
	At      time.Time // commit time
	Reason  reason.Code
}
