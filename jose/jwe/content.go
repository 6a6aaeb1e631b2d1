package jwe

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/subtle"
	"encoding/binary"

	"github.com/jotward/jotward/jose/internal/alg"
)

// ivSize returns the bytes of the initialization vector of a content encryption.
func ivSize(enc *alg.Row) int {
	if enc.Family == alg.AESGCM {
		return 12 // RFC 7518 5.3
	}
	return aes.BlockSize // RFC 7518 5.2.2.1
}

// tagSize returns the bytes of its authentication tag: never fewer, never more.
func tagSize(enc *alg.Row) int {
	if enc.Family == alg.AESGCM {
		return 16 // RFC 7518 5.3
	}
	return enc.Size / 2 // RFC 7518 5.2.2.1 step 6: the length of MAC_KEY
}

// fitsContent reports whether a ciphertext can have that length.
func fitsContent(enc *alg.Row, size int) bool {
	return enc.Family == alg.AESGCM || size > 0 && size%aes.BlockSize == 0
}

// seal encrypts plaintext. The key and the iv have the sizes of the row.
func seal(enc *alg.Row, cek, iv, plaintext, aad []byte) (ciphertext, tag []byte, err error) {
	if enc.Family == alg.AESGCM {
		aead, err := newGCM(cek)
		if err != nil {
			return nil, nil, err
		}
		out := aead.Seal(nil, iv, plaintext, aad)
		return out[:len(plaintext)], out[len(plaintext):], nil
	}
	macKey, encKey := cek[:len(cek)/2], cek[len(cek)/2:]
	block, err := aes.NewCipher(encKey)
	if err != nil {
		return nil, nil, err
	}
	// PKCS #7 padding (RFC 5652 6.3): one to sixteen bytes, each their number.
	pad := aes.BlockSize - len(plaintext)%aes.BlockSize
	ciphertext = make([]byte, len(plaintext)+pad)
	for i := copy(ciphertext, plaintext); i < len(ciphertext); i++ {
		ciphertext[i] = byte(pad)
	}
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(ciphertext, ciphertext)
	return ciphertext, cbcTag(enc, macKey, iv, ciphertext, aad), nil
}

// open decrypts what seal made. The parts have the sizes that the row asks for;
// it reports only whether all of it holds, and gives nothing out before.
func open(enc *alg.Row, cek, iv, ciphertext, tag, aad []byte) ([]byte, bool) {
	if enc.Family == alg.AESGCM {
		aead, err := newGCM(cek)
		if err != nil {
			return nil, false
		}
		joined := make([]byte, 0, len(ciphertext)+len(tag))
		joined = append(append(joined, ciphertext...), tag...)
		plaintext, err := aead.Open(joined[:0], iv, joined, aad)
		return plaintext, err == nil
	}
	macKey, encKey := cek[:len(cek)/2], cek[len(cek)/2:]
	// The MAC is checked first and whole: padding is then ours or nobody's, and
	// tells nothing (RFC 7518 5.2.2.2).
	if !hmac.Equal(cbcTag(enc, macKey, iv, ciphertext, aad), tag) {
		return nil, false
	}
	block, err := aes.NewCipher(encKey)
	if err != nil {
		return nil, false
	}
	plaintext := make([]byte, len(ciphertext))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(plaintext, ciphertext)
	return unpad(plaintext)
}

// cbcTag is HMAC over AAD, IV, ciphertext and the AAD's length in bits, cut to
// half (RFC 7518 5.2.2.1).
func cbcTag(enc *alg.Row, macKey, iv, ciphertext, aad []byte) []byte {
	mac := hmac.New(enc.Hash.New, macKey)
	var bits [8]byte
	binary.BigEndian.PutUint64(bits[:], uint64(len(aad))*8)
	mac.Write(aad)
	mac.Write(iv)
	mac.Write(ciphertext)
	mac.Write(bits[:])
	return mac.Sum(nil)[:tagSize(enc)]
}

// unpad takes PKCS #7 padding off, in a time that does not depend on it.
func unpad(plaintext []byte) ([]byte, bool) {
	n := len(plaintext)
	pad := int(plaintext[n-1])
	good := subtle.ConstantTimeLessOrEq(1, pad) & subtle.ConstantTimeLessOrEq(pad, aes.BlockSize)
	for i := range aes.BlockSize {
		inPad := subtle.ConstantTimeLessOrEq(i+1, pad)
		same := subtle.ConstantTimeByteEq(plaintext[n-1-i], byte(pad))
		good &= subtle.ConstantTimeSelect(inPad, same, 1)
	}
	if good != 1 {
		return nil, false
	}
	return plaintext[:n-pad], true
}

func newGCM(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}
