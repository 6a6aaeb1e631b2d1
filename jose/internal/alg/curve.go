package alg

import "crypto/ecdh"

// A Curve is a group for key agreement (RFC 7518 6.2.1.1, RFC 8037 3.2).
type Curve struct {
	Name    string
	KeyType string // kty
	Size    int    // bytes of one coordinate and of a private key
	Group   ecdh.Curve
}

var curves = [...]Curve{
	{"P-256", "EC", 32, ecdh.P256()},
	{"P-384", "EC", 48, ecdh.P384()},
	{"P-521", "EC", 66, ecdh.P521()},
	{"X25519", "OKP", 32, ecdh.X25519()},
}

// LookupCurve returns the curve of a crv, compared exactly, or nil.
func LookupCurve(crv string) *Curve {
	for i := range curves {
		if curves[i].Name == crv {
			return &curves[i]
		}
	}
	return nil
}

// CurveOf returns the curve of a group, or nil.
func CurveOf(group ecdh.Curve) *Curve {
	for i := range curves {
		if curves[i].Group == group {
			return &curves[i]
		}
	}
	return nil
}
