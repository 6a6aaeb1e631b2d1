package jwe

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/jotward/jotward/jose/internal/alg"
	"github.com/jotward/jotward/jose/internal/b64"
	"github.com/jotward/jotward/jose/internal/keydata"
	"github.com/jotward/jotward/jose/jwk"
)

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// RFC 3394 4.1 to 4.6.
func TestKeyWrapOfTheRFC(t *testing.T) {
	const kek = "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F"
	const key = "00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F"
	for _, c := range []struct {
		kek, key int
		want     string
	}{
		{16, 16, "1FA68B0A8112B447AEF34BD8FB5A7B829D3E862371D2CFE5"},
		{24, 16, "96778B25AE6CA435F92B5B97C050AED2468AB8A17AD84E5D"},
		{32, 16, "64E8C3F9CE0F5BA263E9777905818A2A93C8191E7D6E8AE7"},
		{24, 24, "031D33264E15D33268F24EC260743EDCE1C6C7DDEE725A936BA814915C6762D2"},
		{32, 24, "A8F9BC1612C68B3FF6E6F4FBE30E71E4769C8B80A32CB8958CD5D17D6B254DA1"},
		{32, 32, "28C9F404C4B810F4CBCCB35CFB87F8263F5786E2D80ED326CBC7F0E71A99F43BFB988B9B7A02DD21"},
	} {
		k, plain, want := unhex(t, kek[:2*c.kek]), unhex(t, key[:2*c.key]), unhex(t, c.want)
		got, err := wrapKey(k, plain)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("wrap %d under %d: %X, %v", c.key, c.kek, got, err)
		}
		back, ok := unwrapKey(k, want)
		if !ok || !bytes.Equal(back, plain) {
			t.Errorf("unwrap %d under %d: %X, %v", c.key, c.kek, back, ok)
		}
		for i := range want {
			want[i] ^= 1
			if _, ok := unwrapKey(k, want); ok {
				t.Errorf("unwrap %d under %d: byte %d may differ", c.key, c.kek, i)
			}
			want[i] ^= 1
		}
	}
}

// RFC 7518 appendix B.1 to B.3.
func TestContentOfTheRFC(t *testing.T) {
	var key []byte
	for i := range 64 {
		key = append(key, byte(i))
	}
	plaintext := []byte("A cipher system must not be required to be secret, and it must be able to fall into the hands of the enemy without inconvenience")
	iv := unhex(t, "1af38c2dc2b96ffdd86694092341bc04")
	aad := []byte("The second principle of Auguste Kerckhoffs")
	for name, want := range map[string]string{
		"A128CBC-HS256": "652c3fa36b0a7c5b3219fab3a30bc1c4",
		"A192CBC-HS384": "8490ac0e58949bfe51875d733f93ac2075168039ccc733d7",
		"A256CBC-HS512": "4dd3b4c088a7f45c216839645b2012bf2e6269a8c56a816dbc1b267761955bc5",
	} {
		enc := alg.Lookup(name)
		ciphertext, tag, err := seal(enc, key[:enc.Size], iv, plaintext, aad)
		if err != nil || hex.EncodeToString(tag) != want {
			t.Errorf("%s: %x, %v", name, tag, err)
		}
		back, ok := open(enc, key[:enc.Size], iv, ciphertext, tag, aad)
		if !ok || !bytes.Equal(back, plaintext) {
			t.Errorf("%s does not open", name)
		}
	}
}

// RFC 7518 appendix C.
func TestAgreementOfTheRFC(t *testing.T) {
	bob, err := jwk.Parse([]byte(`{"kty":"EC","crv":"P-256","alg":"ECDH-ES","x":"weNJy2HscCSM6AEDTDg04biOvhFhyyWvOHQfeF_PxMQ","y":"e8lnCO-AlStT-NJVX-crhB7QRYhiix03illJOVAOyck","d":"VEmDZpDXXK8p8N0Cndsxs924q6nS1RXFASRl6BfUqdw"}`), jwk.Options{})
	if err != nil {
		t.Fatal(err)
	}
	d := bob.Data(keydata.Inside())
	p := params{epk: `{"kty":"EC","crv":"P-256","x":"gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0","y":"SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps"}`}
	pub, err := p.readEphemeral(d)
	if err != nil {
		t.Fatal(err)
	}
	z, err := d.Exchanger.ECDH(pub)
	if err != nil {
		t.Fatal(err)
	}
	if got := b64.Encode(agreed(d.Row, alg.Lookup("A128GCM"), z, []byte("Alice"), []byte("Bob"))); got != "VqqN6vgjbSBcIijNcacQGg" {
		t.Errorf("derived %s", got)
	}
	// More than one round of the hash: the first block is no prefix of nothing.
	long := agreed(d.Row, alg.Lookup("A256CBC-HS512"), z, nil, nil)
	if len(long) != 64 || bytes.Equal(long[:32], long[32:]) {
		t.Errorf("derived %x", long)
	}
}

// Every padding that PKCS #7 does not write is refused, wherever it is wrong.
func TestUnpad(t *testing.T) {
	for pad := range 256 {
		block := bytes.Repeat([]byte{byte(pad)}, 32)
		got, ok := unpad(bytes.Clone(block))
		if want := pad >= 1 && pad <= 16; ok != want || ok && len(got) != 32-pad {
			t.Errorf("padding %d: %d bytes, %v", pad, len(got), ok)
		}
		if pad < 2 || pad > 16 {
			continue
		}
		for i := range pad - 1 {
			bent := bytes.Clone(block)
			bent[31-1-i] ^= 0x40
			if _, ok := unpad(bent); ok {
				t.Errorf("padding %d: byte %d may differ", pad, i)
			}
		}
	}
}
