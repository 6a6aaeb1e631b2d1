package jwt

import (
	"reflect"
	"strings"
	"sync"

	"github.com/jotward/jotward/jose/internal/strictjson"
)

// A reader reads the claims of accepted tokens into a C.
type reader[C any] struct {
	plan    decoder   // nil when C holds nothing
	foreign bool      // methods of the caller's run, which may keep what they are called on
	rooms   sync.Pool // of *room[C]
}

// compile decides how C is read. It fails with PolicyInvalid when C has fields
// that no JSON value fits.
func (r *reader[C]) compile() (err error) {
	r.plan, r.foreign, err = compileClaims(reflect.TypeFor[C]())
	return err
}

// A room is what one verification needs and gives back: scratch memory, and a C to
// read claims into. Package reflect can only write to what is on the heap; because
// it writes here, a Token that its caller does not keep needs none.
type room[C any] struct {
	scratch
	claims C
	place  reflect.Value // of claims
	slots  []slot        // of the fields of a struct
}

func (r *reader[C]) borrow() *room[C] {
	if m, ok := r.rooms.Get().(*room[C]); ok {
		return m
	}
	return r.build()
}

func (r *reader[C]) build() *room[C] {
	m := new(room[C])
	m.place = reflect.ValueOf(&m.claims).Elem()
	if d, ok := r.plan.(*structDecoder); ok {
		m.slots = d.slots(m.place)
	}
	return m
}

// release gives a room back, without a trace of the token that was in it.
func (r *reader[C]) release(m *room[C]) {
	var none C
	m.claims = none
	if m.empty() {
		r.rooms.Put(m)
	}
}

// read reads and judges the claims set in m.payload.
func (r *reader[C]) read(t *Token[C], p *policy, more []rule, m *room[C]) error {
	if err := readClaims(t, p, more, &m.scratch); err != nil || r.plan == nil {
		return err
	}
	into := m
	if r.foreign {
		into = r.build() // what a method may have kept is lent to nobody else
	}
	if err := into.decode(r.plan, &m.scratch, t.Payload); err != nil {
		return err
	}
	t.Claims = into.claims
	return nil
}

func (m *room[C]) decode(plan decoder, s *scratch, payload string) error {
	if d, ok := plan.(*structDecoder); ok {
		return d.decodeSlots(m.slots, m.place, &s.doc, &s.lists)
	}
	return plan.decodeClaims(m.place, &s.doc, payload)
}

// lists is memory for one token's lists of strings, aud and those of its claims:
// one allocation does for most tokens.
type lists struct{ free []string }

const usualLists = 4

// take returns an empty list that has room for n strings.
func (l *lists) take(n int) []string {
	if l.free == nil && n <= usualLists {
		l.free = make([]string, usualLists)
	}
	if n > len(l.free) {
		return make([]string, 0, n)
	}
	list := l.free[:0:n]
	l.free = l.free[n:]
	return list
}

// read reads an array of strings.
func (l *lists) read(v strictjson.Value) ([]string, bool) {
	// Commas inside strings make the room too large, hence the bound on it.
	return strictjson.AppendStrings(l.take(min(1+strings.Count(v.Raw, ","), 64)), v)
}
