// Package jwe encrypts and decrypts JSON Web Encryption (RFC 7516) in compact
// and JSON serialization.
//
// What may be accepted is always said by the caller: lists of key management
// and of content encryption algorithms, and a source of keys, each key bound to
// one algorithm. RSA1_5 does not exist. Compressed content is refused unless
// asked for, and then bounded; the work that a password-based message may ask
// for is bounded before it is done.
//
// Whoever has a public key can encrypt to it, so a message that decrypts says
// nothing about who wrote it. Package jwt's nested tokens carry a signature
// inside; nothing else of this library takes a decrypted message for an
// authenticated one.
//
// Every decryption that fails for a reason that only the holder of the key
// could tell gives the same error, jose.DecryptionFailed, and does the same work:
// an encrypted key that cannot be opened is replaced by a random one and the
// content is tried with it (RFC 7516 11.5). Content that opened, and so was sealed
// under the key as it stands, can still be refused for how it is compressed, which
// has reasons of its own.
package jwe
