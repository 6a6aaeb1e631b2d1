package jwk_test

import (
	"encoding/json"
	"testing"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
)

// Keys of the RFCs, as they are printed there.
const (
	// RFC 7517 A.1: public keys.
	rfc7517A1 = `{"keys":[{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","use":"enc","kid":"1"},{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}]}`
	// RFC 7517 A.2: the private halves, here one by one.
	rfc7517A2EC  = `{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","d":"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE","use":"enc","kid":"1"}`
	rfc7517A2RSA = `{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","d":"X4cTteJY_gn4FYPsXB8rdXix5vwsg1FLN5E3EaG6RJoVH-HLLKD9M7dx5oo7GURknchnrRweUkC7hT5fJLM0WbFAKNLWY2vv7B6NqXSzUvxT0_YSfqijwp3RTzlBaCxWp4doFk5N2o8Gy_nHNKroADIkJ46pRUohsXywbReAdYaMwFs9tv8d_cPVY3i07a3t8MN6TNwm0dSawm9v47UiCl3Sk5ZiG7xojPLu4sbg1U2jx4IBTNBznbJSzFHK66jT8bgkuqsk0GjskDJk19Z4qwjwbsnn4j2WBii3RL-Us2lGVkY8fkFzme1z0HbIkfz0Y6mqnOYtqc0X4jfcKoAC8Q","p":"83i-7IvMGXoMXCskv73TKr8637FiO7Z27zv8oj6pbWUQyLPQBQxtPVnwD20R-60eTDmD2ujnMt5PoqMrm8RfmNhVWDtjjMmCMjOpSXicFHj7XOuVIYQyqVWlWEh6dN36GVZYk93N8Bc9vY41xy8B9RzzOGVQzXvNEvn7O0nVbfs","q":"3dfOR9cuYq-0S-mkFLzgItgMEfFzB2q3hWehMuG0oCuqnb3vobLyumqjVZQO1dIrdwgTnCdpYzBcOfW5r370AFXjiWft_NGEiovonizhKpo9VVS78TzFgxkIdrecRezsZ-1kYd_s1qDbxtkDEgfAITAG9LUnADun4vIcb6yelxk","dp":"G4sPXkc6Ya9y8oJW9_ILj4xuppu0lzi_H7VTkS8xj5SdX3coE0oimYwxIi2emTAue0UOa5dpgFGyBJ4c8tQ2VF402XRugKDTP8akYhFo5tAA77Qe_NmtuYZc3C3m3I24G2GvR5sSDxUyAN2zq8Lfn9EUms6rY3Ob8YeiKkTiBj0","dq":"s9lAH9fggBsoFR8Oac2R_E2gw282rT2kGOAhvIllETE1efrA6huUUvMfBcMpn8lqeW6vzznYY5SSQF7pMdC_agI3nG8Ibp1BUb0JUiraRNqUfLhcQb_d9GF4Dh7e74WbRsobRonujTYN1xCaP6TO61jvWrX-L18txXw494Q_cgk","qi":"GyM_p6JrXySiz1toFgKbWV-JdI3jQ4ypu9rbMWx3rQJBfmt0FoYzgUIZEVFEcOqwemRN81zoDAaa-Bk0KWNGDjJHZDdDmFhW3AN7lI-puxk_mHZGJ11rxyR8O55XLSe3SPmRfKwZI6yU24ZxvQKFYItdldUKGzO6Ia6zTKhAVRU","alg":"RS256","kid":"2011-04-29"}`
	// RFC 7517 A.3: secrets.
	rfc7517A3 = `{"keys":[{"kty":"oct","alg":"A128KW","k":"GawgguFyGrWKav7AX4VKUg"},{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow","kid":"HMACkeyusedinJWSspecAppendixA.1example"}]}`
	// RFC 7520 3.2: a private key on P-521, whose coordinates have leading zeros.
	rfc7520EC = `{"kty":"EC","kid":"bilbo.baggins@hobbiton.example","use":"sig","crv":"P-521","x":"AHKZLLOsCOzz5cY97ewNUajB957y-C-U88c3v13nmGZx6sYl_oJXu9A5RkTKqjqvjyekWF-7ytDyRXYgCF5cj0Kt","y":"AdymlHvOiLxXkEhayXQnNCvDX4h9htZaCJN34kfmC6pV5OhQHiraVySsUdaQkAgDPrwQrJmbnX9cwlGfP-HqHZR1","d":"AAhRON2r9cqXX1hg-RoI6R1tX5p2rUAYdmpHZoC1XNM56KtscrX6zbKipQrCW9CGZH3T4ubpnoTKLDYJ_fF3_rJt"}`
	// RFC 8037 A.1 and A.2.
	rfc8037Private = `{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`
	rfc8037Public  = `{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`
)

func TestFiguresOfTheRFCs(t *testing.T) {
	for _, c := range []struct {
		name, text string
		list       []jwk.Algorithm
		alg        jwk.Algorithm
		private    bool
		thumbprint string
	}{
		{"RFC 7517 A.2 RSA, RFC 7638 3.1", rfc7517A2RSA, nil, jwk.RS256, true, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"},
		{"RFC 7520 3.2", rfc7520EC, nil, jwk.ES512, true, "dHri3SADZkrush5HU_50AoRhcKFryN-PI6jPBtPL55M"},
		{"RFC 8037 A.1", rfc8037Private, nil, jwk.EdDSA, true, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"},
		{"RFC 8037 A.2, A.3", rfc8037Public, []jwk.Algorithm{jwk.Ed25519}, jwk.Ed25519, false, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"},
	} {
		k, err := jwk.Parse([]byte(c.text), jwk.Options{Algorithms: c.list})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if k.Algorithm() != c.alg || k.IsPrivate() != c.private || k.Thumbprint() != c.thumbprint {
			t.Errorf("%s: %v, private %v, thumbprint %s", c.name, k.Algorithm(), k.IsPrivate(), k.Thumbprint())
		}
	}
}

// RFC 7517 5: keys that cannot be used are left out, and the rest stands.
func TestSetsOfTheRFCs(t *testing.T) {
	s, err := jwk.ParseSet([]byte(rfc7517A1), jwk.Options{PublicOnly: true})
	if err != nil || s.Len() != 1 || s.Keys()[0].KeyID() != "2011-04-29" {
		t.Fatalf("A.1: %v, %v", s, err)
	}
	if why := s.Skipped(); len(why) != 1 || jose.ReasonOf(why[0]) != jose.KeyAmbiguous {
		t.Errorf("A.1: the encryption key is skipped with %v", why)
	}
	s, err = jwk.ParseSet([]byte(rfc7517A3), jwk.Options{Algorithms: []jwk.Algorithm{jwk.HS256}})
	if err != nil || s.Len() != 2 || s.Keys()[0].Algorithm() != jwk.A128KW || s.Keys()[1].Algorithm() != jwk.HS256 {
		t.Fatalf("A.3: %v, %v", s, err)
	}
	s, err = jwk.ParseSet([]byte(rfc7517A1), jwk.Options{Algorithms: []jwk.Algorithm{jwk.ECDHES}})
	if err != nil || s.Len() != 2 || s.Keys()[0].Algorithm() != jwk.ECDHES || s.Keys()[0].CanVerify() || !s.Keys()[0].CanEncrypt() {
		t.Fatalf("A.1 for encryption: %v, %v", s, err)
	}
}

// What is exported is the key that was read, member for member.
func TestExportIsWhatWasRead(t *testing.T) {
	for _, text := range []string{rfc7517A2RSA, rfc7520EC, rfc8037Private} {
		k, err := jwk.Parse([]byte(text), jwk.Options{})
		if err != nil {
			t.Fatal(err)
		}
		out, err := k.ExportPrivate()
		if err != nil {
			t.Fatal(err)
		}
		var want, got map[string]any
		if json.Unmarshal([]byte(text), &want) != nil || json.Unmarshal(out, &got) != nil {
			t.Fatal("no JSON")
		}
		for name, v := range want {
			if got[name] != v {
				t.Errorf("%s: %v, was %v", name, got[name], v)
			}
		}
	}
}
