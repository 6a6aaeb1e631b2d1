// Package statuslist issues and checks status lists: one signed token that says
// of many other tokens, a bit or a few for each, whether they are still valid
// (Token Status List, draft-ietf-oauth-status-list-21, sections named below).
//
// Whoever verifies a token reads its Reference, gets the list from the address in
// it, and asks:
//
//	ref, err := statuslist.ReadReference(token.Payload)
//	list, err := verifier.Verify(ctx, fetched, ref.URI)
//	status, err := verifier.Check(list, ref)
//
// A nil error of Check means VALID, and nothing else does. A list can be kept
// and asked again until Due says that a fresh one is wanted; Check judges its age
// each time.
//
// The package fetches nothing: the address stands in a token, so which hosts may
// be asked, and how, is the caller's policy. It reads lists in JWT format; those
// in CWT format, and the X.509 extended key usage of section 10, it does not.
package statuslist
