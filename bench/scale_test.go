package bench

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

func policyFor(a jwk.Algorithm) jwt.Policy {
	return jwt.Policy{Issuers: []string{issuer}, Audiences: []string{audience}, Algorithms: []jwk.Algorithm{a}, Type: "at+jwt",
		MaxLifetime: time.Hour, MaxSize: 1 << 20, Clock: clock}
}

// BenchmarkKeySet verifies against sets of 3 and of 1000 keys: the same token,
// the key in the middle.
func BenchmarkKeySet(b *testing.B) {
	for _, alg := range []jwk.Algorithm{jwk.HS256, jwk.ES256} {
		for _, n := range []int{3, 1000} {
			b.Run(fmt.Sprintf("%s/%d", alg, n), func(b *testing.B) { keySet(b, alg, n) })
		}
	}
}

func keySet(b *testing.B, alg jwk.Algorithm, n int) {
	var keys []*jwk.Key
	for i := range n {
		keys = append(keys, must(jwk.Generate(alg, fmt.Sprintf("key-%04d", i))))
	}
	signer := must(jwt.NewSigner(keys[n/2], jwt.SignerOptions{Type: "at+jwt"}))
	token := must(signer.Sign([]byte(payload)))
	v := must(jwt.NewVerifier[claims](must(jwk.NewSet(keys...)), policyFor(alg)))
	for b.Loop() {
		if _, err := v.Verify(context.Background(), token); err != nil {
			b.Fatal(err)
		}
	}
}

// of returns claims of about size bytes once they are a token, the filler being
// of that shape.
func of(size int, shape func(bytes int) string) string {
	room := size*3/4 - len(payload) - 120
	if room < 0 {
		return payload
	}
	return payload[:len(payload)-1] + `,"filler":` + shape(room) + "}"
}

func text(n int) string { return `"` + strings.Repeat("a", n) + `"` }

// numbered is an object of that many members.
func numbered(n int) string {
	var out strings.Builder
	out.WriteString(`{"x":0`)
	for i := range n - 1 {
		fmt.Fprintf(&out, `,"m%d":0`, i)
	}
	return out.String() + "}"
}

// sameHash is an object whose names agree in length, first, middle and last byte.
func sameHash(n int) string {
	var out strings.Builder
	for i := range n {
		fmt.Fprintf(&out, `,"a%02dma%02dz":0`, i, i)
	}
	return "{" + out.String()[1:] + "}"
}

// escaped is sameHash with every name escaped.
func escaped(n int) string { return strings.ReplaceAll(sameHash(n), `"a`, `"\u0061`) }

// shapes are what a hostile issuer could fill a token with.
var shapes = map[string]func(int) string{
	"text":    text,
	"escapes": func(n int) string { return `"` + strings.Repeat(`\u0041`, n/6) + `"` },
	"utf8":    func(n int) string { return `"` + strings.Repeat("é", n/2) + `"` },
	"array":   func(n int) string { return "[" + strings.Repeat("0,", n/2) + "0]" },
	"deep": func(n int) string {
		return strings.Repeat("[", 60) + strings.Repeat("0,", (n-120)/2) + "0" + strings.Repeat("]", 60)
	},
	"members":      func(n int) string { return numbered(min(n/9, 4000)) },
	"objects":      func(n int) string { return "[" + strings.Repeat(`{"a":{}},`, n/9) + "0]" },
	"pairs":        func(n int) string { return "[" + strings.Repeat(`{"a":0,"b":1},`, n/14) + "0]" },
	"names":        func(n int) string { return "[" + strings.Repeat(`{"\u0061":0,"\u0062":0},`, n/24) + "0]" },
	"exponents":    func(n int) string { return "[" + strings.Repeat("1e5,", n/4) + "0]" },
	"fractions":    func(n int) string { return "[" + strings.Repeat("1.5,", n/4) + "0]" },
	"floats":       func(n int) string { return "[" + strings.Repeat("1.2345678901234567e-300,", n/24) + "0]" },
	"literals":     func(n int) string { return "[" + strings.Repeat("true,null,", n/10) + "0]" },
	"strings":      func(n int) string { return "[" + strings.Repeat(`"",`, n/3) + "0]" },
	"blanks":       func(n int) string { return "[" + strings.Repeat("0 , ", n/4) + "0]" },
	"space":        func(n int) string { return strings.Repeat(" ", n) + "0" },
	"mixed":        func(n int) string { return `"` + strings.Repeat(`aé\n`, n/5) + `"` },
	"empties":      func(n int) string { return "[" + strings.Repeat("[],", n/3) + "0]" },
	"two dozen":    func(n int) string { return "[" + strings.Repeat(numbered(25)+",", n/220) + "0]" },
	"same hash":    func(n int) string { return "[" + strings.Repeat(sameHash(24)+",", n/360) + "0]" },
	"escaped hash": func(n int) string { return "[" + strings.Repeat(escaped(24)+",", n/480) + "0]" },
	"borderline":   func(n int) string { return "[" + strings.Repeat("1e308,", n/6) + "0]" },
	"thirty":       func(n int) string { return "[" + strings.Repeat(numbered(33)+",", n/230) + "0]" },
	"nested": func(n int) string { // each in the one before
		chain := "0"
		for range 30 {
			chain = strings.TrimSuffix(numbered(33), "}") + `,"o":` + chain + "}"
		}
		return "[" + strings.Repeat(chain+",", n/len(chain)) + "0]"
	},
	"hundreds":   func(n int) string { return "[" + strings.Repeat(numbered(100)+",", n/700) + "0]" },
	"thousands":  func(n int) string { return "[" + strings.Repeat(numbered(1000)+",", n/7900) + "0]" },
	"long names": func(n int) string { return strings.ReplaceAll(numbered(min(n/13, 4000)), `"m`, `"name`) },
	"claims":     func(n int) string { return asClaims(numbered(min(n/8, 4000))) },
	"one slot":   func(n int) string { return asClaims(members(min(n/9, 4000), slotNames("scope"))) },
	"one key":    func(n int) string { return asClaims(members(n/23, keyNames("auth_time"))) },
}

// asClaims makes members of an object those of the claims set itself.
func asClaims(object string) string { return "0," + object[1:len(object)-1] }

// members is an object of n members.
func members(n int, name func() string) string {
	var out strings.Builder
	out.WriteByte('{')
	for i := range n {
		if i > 0 {
			out.WriteByte(',')
		}
		fmt.Fprintf(&out, `"%s":0`, name())
	}
	return out.String() + "}"
}

// The constants of package strictjson's keys, with which a stranger finds names that meet.
const slots, mixer = 0xf16d82e057ef8cc9, 0x9e3779b97f4a7c15

// slotNames gives short names that have the slot of that one.
func slotNames(like string) func() string {
	slot := func(name string) uint64 {
		var room [8]byte
		room[7] = byte(copy(room[:7], name))
		return binary.LittleEndian.Uint64(room[:]) * slots >> 58
	}
	i := 0
	return func() string {
		for ; ; i++ {
			if name := strconv.FormatInt(int64(i), 36); slot(name) == slot(like) {
				i++
				return name
			}
		}
	}
}

// keyNames gives names of sixteen bytes that have the key of that one of eight or more.
func keyNames(like string) func() string {
	word := func(s string) uint64 { return binary.LittleEndian.Uint64([]byte(s)) }
	const bits = 1<<56 - 1
	want := (word(like[:8]) ^ (word(like[len(like)-8:])*mixer + uint64(len(like)))) & bits
	i := 0
	return func() string {
		for ; ; i++ {
			last := hex.EncodeToString(binary.LittleEndian.AppendUint32(nil, uint32(i))) // what varies first, for it reaches all bits
			first := binary.LittleEndian.AppendUint64(nil, want^(word(last)*mixer+16)&bits|'x'<<56)
			if !slices.ContainsFunc(first, func(c byte) bool { return c < ' ' || c > '~' || c == '"' || c == '\\' }) {
				i++
				return string(first) + last
			}
		}
	}
}

// BenchmarkGrowth verifies tokens from 256 bytes to 64 KiB, beside the MAC and
// the decoding of the same bytes.
func BenchmarkGrowth(b *testing.B) {
	secret := make([]byte, 32)
	key, err := jwk.New(secret, jwk.HS256, "k")
	if err != nil {
		b.Fatal(err)
	}
	signer, err := jwt.NewSigner(key, jwt.SignerOptions{Type: "at+jwt"})
	if err != nil {
		b.Fatal(err)
	}
	v, err := jwt.NewVerifier[claims](key, policyFor(jwk.HS256))
	if err != nil {
		b.Fatal(err)
	}
	for _, size := range []int{256, 1 << 10, 4 << 10, 16 << 10, 64 << 10} {
		token, err := signer.Sign([]byte(of(size, text)))
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("%d/jotward", size), func(b *testing.B) {
			b.SetBytes(int64(len(token)))
			for b.Loop() {
				if _, err := v.Verify(context.Background(), token); err != nil {
					b.Fatal(err)
				}
			}
		})
		input, rest, _ := strings.Cut(token, ".")
		body, _, _ := strings.Cut(rest, ".")
		b.Run(fmt.Sprintf("%d/raw", size), func(b *testing.B) {
			b.SetBytes(int64(len(token)))
			for b.Loop() {
				m := hmac.New(sha256.New, secret)
				m.Write([]byte(input + "." + body))
				m.Sum(nil)
				if _, err := base64.RawURLEncoding.DecodeString(body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkHostile verifies signed tokens of 64 KiB of every shape, and the same
// ones with a bent signature: none may cost more than three times the text, and
// none that is refused more than when it is accepted.
func BenchmarkHostile(b *testing.B) {
	key, err := jwk.New(make([]byte, 32), jwk.HS256, "k")
	if err != nil {
		b.Fatal(err)
	}
	signer, err := jwt.NewSigner(key, jwt.SignerOptions{Type: "at+jwt"})
	if err != nil {
		b.Fatal(err)
	}
	v, err := jwt.NewVerifier[claims](key, policyFor(jwk.HS256))
	if err != nil {
		b.Fatal(err)
	}
	for name, shape := range shapes {
		token, err := signer.Sign([]byte(of(64<<10, shape)))
		if err != nil {
			b.Fatal(name, err)
		}
		bent := token[:len(token)-8] + "AAAAAAAA"
		b.Run(name+"/accepted", func(b *testing.B) {
			b.SetBytes(int64(len(token)))
			for b.Loop() {
				if _, err := v.Verify(context.Background(), token); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/refused", func(b *testing.B) {
			b.SetBytes(int64(len(token)))
			for b.Loop() {
				if _, err := v.Verify(context.Background(), bent); err == nil {
					b.Fatal("accepted")
				}
			}
		})
	}
}
