package b64
import ("testing";"strings")
func BenchmarkDecode(b *testing.B){ src:=strings.Repeat("eyJpc3MiOiJo",47); dst:=make([]byte,0,600); for b.Loop(){ dst,_=AppendDecode(dst[:0],src) } }
