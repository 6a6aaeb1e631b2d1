package jwt

import (
	"context"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/b64"
	"github.com/jotward/jotward/jose/internal/keydata"
)

// Processed is for the packages of this module, and for nobody else: Verify for
// a token whose claims set is only whole after a step that follows the signature,
// as an SD-JWT's is (RFC 9901 7.1). process receives the payload once its
// signature holds; the policy judges what it returns, and so does the reading of C.
func (v *Verifier[C]) Processed(ctx context.Context, token string, process func(payload string) (string, error), a keydata.Access) (*Token[C], error) {
	if !a.Granted() {
		return nil, fail(jose.PolicyInvalid, "Processed is for the packages of this module")
	}
	if v == nil || v.core.keys == nil {
		return nil, errUnbuilt()
	}
	m := v.reader.borrow()
	defer v.reader.release(m)
	seen, segment, err := v.core.authenticate(ctx, token, &m.scratch)
	if err != nil {
		return nil, err
	}
	payload, err := b64.Bytes(segment)
	if err != nil {
		return nil, fail(jose.TokenMalformed, "payload: "+err.Error())
	}
	whole, err := process(string(payload))
	if err != nil {
		return nil, err
	}
	m.payload = append(m.payload[:0], whole...)
	t := &Token[C]{Header: seen.header}
	if err := v.reader.read(t, &v.core.policy, nil, m); err != nil {
		return nil, err
	}
	return t, nil
}
