module github.com/jotward/jotward/interop

go 1.26

require github.com/jotward/jotward/jose v0.0.0

replace github.com/jotward/jotward/jose => ../jose
