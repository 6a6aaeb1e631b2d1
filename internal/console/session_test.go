package console

import (
	"testing"
	"time"

	"github.com/jotward/jotward/internal/token"
)

func TestSessionsAreBounded(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	s := sessions{now: func() time.Time { return now }}
	who := person{Username: "ann", access: token.Access{Expiry: now.Add(time.Hour).Unix()}}
	first, second := s.open(who), s.open(who)
	if _, ok := s.find(first); !ok { // the last used from here on
		t.Fatal("not open")
	}
	for range maxSessions - 1 {
		s.open(who)
	}
	if _, ok := s.find(first); !ok || len(s.byKey) != maxSessions || s.order.Len() != maxSessions {
		t.Errorf("%v, %d, %d", ok, len(s.byKey), s.order.Len())
	}
	if _, ok := s.find(second); ok {
		t.Error("the one that was used longest ago is still there")
	}
	for k := range s.byKey {
		if k == first {
			t.Error("a cookie is kept as it is")
		}
	}
}
