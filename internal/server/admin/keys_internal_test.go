package admin

import (
	"testing"
	"time"

	"github.com/jotward/jotward/internal/keyring"
)

// An answer does not change when the store is read again, which keeps milliseconds.
func TestKeyIsShownAsItIsKept(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 123_456_789)
	e := &Endpoints{Now: func() time.Time { return now }}
	k := e.showKey(keyring.Key{Created: now, Activates: now, Retires: now, Gone: now})
	for _, at := range []time.Time{k.Created, k.Activates, *k.Retires, *k.Gone} {
		if at != time.UnixMilli(now.UnixMilli()).UTC() {
			t.Errorf("%v is not what is kept", at)
		}
	}
}
