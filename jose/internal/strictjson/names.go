package strictjson

import (
	"hash/maphash"
	"math/bits"
)

// linear is how many names of one object are compared one by one before a table
// takes over, and collisions how many comparisons of such a small object's names
// its maker can cause before it does: names of one key cost no more than others.
const (
	linear     = 24
	collisions = 8
)

// nameSet is the names of one open object: p.spans from base on. seen holds a
// bit for each name's hash, so that most names are known to be new at once, and
// table takes over when there are many, so that an object costs linear time.
type nameSet struct {
	base     int
	seen     uint64
	compared int
	entered  int      // how many of the spans are in the table
	table    []uint32 // open addressing: 0, or bits of a hash and 1 + the place of a span behind base
	shift    uint8    // what leaves of an entry the slot that it belongs to
	floor    int      // where the object's tables begin among p.tables
}

// maxPlace holds every place, for there are no more than MaxMembers. The bits
// above it are a hash's, and enough of them to find a slot in the largest table.
const (
	placeBits = 13
	maxPlace  = 1<<placeBits - 1
)

// seed keeps strangers from choosing names that meet in the table.
var (
	seed = maphash.MakeSeed()
	add  = maphash.String(seed, "add")
	mul  = maphash.String(seed, "mul") | 1
)

// unique refuses the name of s, which is not on the stack yet, when a span of
// its object has it already.
func (p *parser) unique(s *span, set *nameSet) error {
	before := p.spans[set.base:]
	if len(before) >= MaxMembers {
		return ErrMembers
	}
	if len(set.table) == 0 && len(before) < linear {
		for i := range before {
			b := &before[i]
			if b.key != s.key {
				continue
			}
			if s.key.Whole() {
				return ErrDuplicate
			}
			if set.compared++; set.compared > collisions || b.nameEscaped || s.nameEscaped {
				return p.enter(s, set)
			}
			if p.text[b.name:b.nameEnd] == p.text[s.name:s.nameEnd] {
				return ErrDuplicate
			}
		}
		return nil
	}
	return p.enter(s, set)
}

// enter puts the name of s into the table, with those before it that are not
// there yet, and refuses it when one of them has it.
func (p *parser) enter(s *span, set *nameSet) error {
	before := p.spans[set.base:]
	if 2*len(before) >= len(set.table) {
		old := set.table
		if old == nil {
			set.floor = len(p.tables)
		}
		set.table = p.room(larger(len(old)))
		set.shift = uint8(33 - bits.Len32(uint32(len(set.table))))
		for _, entry := range old { // all different, and with their hashes
			if entry != 0 {
				slot := entry >> set.shift
				for ; set.table[slot&uint32(len(set.table)-1)] != 0; slot++ {
				}
				set.table[slot&uint32(len(set.table)-1)] = entry
			}
		}
	}
	for ; set.entered < len(before); set.entered++ {
		p.put(&before[set.entered], set.entered, set) // new when it was read
	}
	set.entered++
	if !p.put(s, len(before), set) {
		return ErrDuplicate
	}
	return nil
}

// put puts the name of s, whose place is that, into the table, unless it is there.
func (p *parser) put(s *span, place int, set *nameSet) bool {
	if s.key.Whole() {
		return p.putKey(s.key, place, set)
	}
	entry := p.seeded(s)&^maxPlace | uint32(place+1)
	mask := uint32(len(set.table) - 1)
	for slot := entry >> set.shift; ; slot++ {
		at := &set.table[slot&mask]
		if *at == 0 {
			*at = entry
			return true
		}
		if (*at^entry)&^maxPlace == 0 && p.same(s, &p.spans[set.base+int(*at&maxPlace)-1]) {
			return false
		}
	}
}

// putKey is put for a name that is its own key. The key is hashed by one product of
// secret numbers, both halves of it: a stranger's names cost no more than honest ones.
func (p *parser) putKey(key Key, place int, set *nameSet) bool {
	high, low := bits.Mul64(uint64(key)^add, mul)
	entry := uint32((high^low)>>32)&^maxPlace | uint32(place+1)
	mask := uint32(len(set.table) - 1)
	for slot := entry >> set.shift; ; slot++ {
		at := &set.table[slot&mask]
		if *at == 0 {
			*at = entry
			return true
		}
		if (*at^entry)&^maxPlace == 0 && p.spans[set.base+int(*at&maxPlace)-1].key == key {
			return false
		}
	}
}

// seeded returns bits of a hash that nobody outside can foresee.
func (p *parser) seeded(s *span) uint32 {
	name := p.text[s.name:s.nameEnd]
	if s.nameEscaped {
		var room [64]byte
		return uint32(maphash.Bytes(seed, appendUnescaped(room[:0], name)))
	}
	return uint32(maphash.String(seed, name))
}

// same reports whether two members have one name.
func (p *parser) same(a, b *span) bool {
	if a.nameEscaped || b.nameEscaped {
		return p.nameOf(a) == p.nameOf(b)
	}
	return p.text[a.name:a.nameEnd] == p.text[b.name:b.nameEnd]
}

// larger returns the size of the table after one of n. The steps are few, for at each
// all names are entered anew, and the last has room for the most that an object can have.
func larger(n int) int {
	switch n {
	case 0:
		return 64
	case 64:
		return 512
	case 512:
		return 2048
	}
	return 2 * MaxMembers
}

// room returns an empty table of n entries, on top of those of the objects that are open.
// Theirs stay where they are when the stack moves. A document with many long objects, side
// by side or in one another, asks for memory once.
func (p *parser) room(n int) []uint32 {
	from := len(p.tables)
	if cap(p.tables)-from < n {
		p.tables = make([]uint32, from, 2*(from+n))
	}
	p.tables = p.tables[:from+n]
	clear(p.tables[from:])
	return p.tables[from:]
}
