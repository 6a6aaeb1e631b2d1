// Package josetest is for the tests of programs that use this library: an issuer
// with discovery and key set endpoints, keys that rotate, a clock that moves when
// it is told to, and failure on demand.
//
//	issuer := josetest.New(t)
//	verifier, err := jwt.NewVerifier[Claims](issuer.Remote(), issuer.Policy())
//	token := issuer.Sign(map[string]any{"role": "clerk"})
//	issuer.Advance(time.Hour) // and the token has expired
//
// Nothing in it belongs into a program that is not a test. ActionStore is the suite
// that a Store of package action must pass.
package josetest
