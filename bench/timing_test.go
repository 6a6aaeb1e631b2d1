package bench

import (
	"crypto/rand"
	"math"
	mathrand "math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jws"
)

// TestMACComparisonTiming is run by hand (JOTWARD_TIMING=1): it asks whether the
// time to refuse a MAC tells where it differs. Two classes, wrong in the first or
// in the last byte, are measured in random order; Welch's t over what is below
// the 90th percentile stays under 4.5 where no difference can be shown (the
// threshold of dudect). A control, which compares byte by byte, must exceed it.
func TestMACComparisonTiming(t *testing.T) {
	if os.Getenv("JOTWARD_TIMING") == "" {
		t.Skip("run by hand, on a quiet machine: JOTWARD_TIMING=1")
	}
	secret := make([]byte, 64)
	rand.Read(secret)
	key, err := jwk.New(secret, jwk.HS512, "")
	if err != nil {
		t.Fatal(err)
	}
	input := []byte("input")
	good, err := jws.SignInput(key, input)
	if err != nil {
		t.Fatal(err)
	}
	ours := welch(good, func(sig []byte) bool { return jws.VerifySignature(key, input, sig) == nil })
	control := welch(good, func(sig []byte) bool {
		jws.VerifySignature(key, input, sig)
		for range 8 { // as slow as a remote attacker's many tries
			for i := range good {
				if good[i] != sig[i] {
					break
				}
			}
		}
		return false
	})
	t.Logf("t = %.2f; of a comparison byte by byte: %.2f", ours, control)
	if ours > 4.5 || control < 4.5 {
		t.Errorf("a difference is shown, or the test could not show one")
	}
}

func welch(good []byte, verify func([]byte) bool) float64 {
	wrong := [2][]byte{slices.Clone(good), slices.Clone(good)}
	wrong[0][0] ^= 1
	wrong[1][len(good)-1] ^= 1
	var times [2][]float64
	for range 2_000_000 {
		class := mathrand.IntN(2)
		start := time.Now()
		verify(wrong[class])
		times[class] = append(times[class], float64(time.Since(start)))
	}
	var mean, variance, n [2]float64
	for class, list := range times {
		slices.Sort(list)
		list = list[:len(list)*9/10]
		n[class] = float64(len(list))
		for _, x := range list {
			mean[class] += x / n[class]
		}
		for _, x := range list {
			variance[class] += (x - mean[class]) * (x - mean[class]) / n[class]
		}
	}
	return math.Abs(mean[0]-mean[1]) / math.Sqrt(variance[0]/n[0]+variance[1]/n[1])
}
