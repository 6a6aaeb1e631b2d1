// Package lint finds the common mistakes in one token: a life that is too long,
// claims that are missing, personal data and secrets that everybody on the way can
// read, weak or shared keys, and the shape of another kind of token.
//
// It verifies nothing. A token without findings can be a forgery, and a finding is
// an opinion about a good one: whoever lets somebody in asks a jwt.Verifier. The
// work is bounded whatever the token is, and a Finding holds no value from it.
package lint
