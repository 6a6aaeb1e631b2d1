module github.com/jotward/jotward/jose/mldsa

go 1.26

require (
	filippo.io/mldsa v1.0.0
	github.com/jotward/jotward/jose v0.0.0
)

replace github.com/jotward/jotward/jose => ../
