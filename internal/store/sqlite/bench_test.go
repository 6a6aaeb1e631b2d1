package sqlite_test

import (
	"sync/atomic"
	"testing"
)

// Rotations of refresh tokens, each durable before it is answered: one at a
// time, and with 64 families at once.
//
//	go test ./internal/store/sqlite -run ^$ -bench Rotations -benchtime 2s
func BenchmarkRotations(b *testing.B) {
	b.Run("one", func(b *testing.B) {
		h := newHouse(b)
		h.grants.Observe, h.grants.Minter.Minted = nil, nil
		token := h.redeem("read").RefreshToken
		for b.Loop() {
			out, err := h.refresh(token)
			if err != nil {
				b.Fatal(err)
			}
			token = out.RefreshToken
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rotations/s")
	})
	b.Run("parallel64", func(b *testing.B) {
		h := newHouse(b)
		h.grants.Observe, h.grants.Minter.Minted = nil, nil
		var families [64]string
		for i := range families {
			families[i] = h.redeem("read").RefreshToken
		}
		var next atomic.Int32
		b.SetParallelism(32) // times GOMAXPROCS, which was 2 where the figures come from
		b.ResetTimer()
		b.RunParallel(func(pb *testing.PB) {
			i := next.Add(1) - 1
			token := families[int(i)%len(families)]
			for pb.Next() {
				out, err := h.refresh(token)
				if err != nil {
					b.Error(err)
					return
				}
				token = out.RefreshToken
			}
		})
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rotations/s")
	})
}
