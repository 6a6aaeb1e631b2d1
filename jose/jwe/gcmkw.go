package jwe

// sealKey encrypts a content key with AES-GCM (RFC 7518 4.7). The iv is random:
// one key may wrap 2^32 of them (NIST SP 800-38D 8.3).
func sealKey(kek, cek []byte) (wrapped, iv, tag []byte, err error) {
	aead, err := newGCM(kek)
	if err != nil {
		return nil, nil, nil, err
	}
	iv = random(aead.NonceSize())
	out := aead.Seal(nil, iv, cek, nil)
	return out[:len(cek)], iv, out[len(cek):], nil
}

// openKey reverses sealKey. iv and tag have their one size.
func openKey(kek, wrapped, iv, tag []byte) ([]byte, bool) {
	aead, err := newGCM(kek)
	if err != nil {
		return nil, false
	}
	cek, err := aead.Open(nil, iv, append(wrapped[:len(wrapped):len(wrapped)], tag...), nil)
	return cek, err == nil
}
