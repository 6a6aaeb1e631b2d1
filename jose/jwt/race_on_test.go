//go:build race

package jwt_test

// The race detector makes sync.Pool forget at random, so counts mean nothing.
const raceEnabled = true
