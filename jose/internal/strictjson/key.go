package strictjson

// A Key stands for a member's name, so that names are told apart without reading
// them. Equal names have equal keys. A name of at most seven bytes is its own
// key, beside its length, so that two such names are equal when their keys are;
// a longer one is marked, and may share its key with others.
type Key uint64

// long marks the key of a name that is longer than a key can hold.
const long Key = 0xff << 56

// Whole reports whether the key holds the whole name.
func (k Key) Whole() bool { return k < long }

// KeyOf returns the key of a name.
func KeyOf[T string | []byte](name T) Key {
	n := len(name)
	if n > 7 {
		return long | Key(word(name[:8])^(word(name[n-8:])*0x9e3779b97f4a7c15+uint64(n)))&^long
	}
	var x uint64
	for i := n - 1; i >= 0; i-- {
		x = x<<8 | uint64(name[i])
	}
	return shortKey(x, n)
}

// shortKey returns the key of the name that is the first n bytes of x, at most 7.
func shortKey(x uint64, n int) Key {
	return Key(x&(1<<(8*n)-1) | uint64(n)<<56)
}

// Slot is a number below 64, for small tables. Its factor was chosen so that no
// two of the usual claims share one.
func (k Key) Slot() uint8 { return uint8(uint64(k) * slots >> 58) }

const slots = 0xf16d82e057ef8cc9
