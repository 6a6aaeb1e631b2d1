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
	Seq     uint64
	Kind    Kind
	ID      string
	Version int64
	Before  time.Time
	Expires time.Time
	At      time.Time
	Reason  reason.Code
}
