// Package oauth is the vocabulary of the wire that issuer and edge share: how a JSON
// object is read, and what a claims parameter asks for. It guarantees one reading of
// what strangers send, within bounds, and leaves to others what is done with it.
package oauth
