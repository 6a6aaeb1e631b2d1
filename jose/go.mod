module github.com/jotward/jotward/jose

go 1.26
