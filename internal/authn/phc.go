package authn

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

var b64 = base64.RawStdEncoding.Strict()

// phc is an argon2id hash in the PHC string format.
type phc struct {
	memory, passes uint32
	salt, sum      []byte
}

func (h phc) String() string {
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=1$%s$%s", h.memory, h.passes, b64.EncodeToString(h.salt), b64.EncodeToString(h.sum))
}

// Bounds of what is stored, so that a damaged row costs no gigabytes and
// matches nothing by being empty.
const (
	minMemory, maxMemory = 8, 1 << 20
	maxPasses            = 100
	minSum, maxSum       = 16, 64
)

// parsePHC reads one spelling: what it returns writes the same text.
func parsePHC(text string) (h phc, err error) {
	parts := strings.Split(text, "$")
	if len(text) > 512 || len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != "v=19" {
		return h, errors.New("authn: a stored hash is not argon2id: set the password anew")
	}
	cost := strings.Split(parts[3], ",")
	if len(cost) != 3 || cost[2] != "p=1" {
		return h, errors.New("authn: a stored hash has odd parameters: set the password anew")
	}
	m, okM := number(cost[0], "m=")
	t, okT := number(cost[1], "t=")
	h.memory, h.passes = m, t
	var errSalt, errSum error
	h.salt, errSalt = b64.DecodeString(parts[4])
	h.sum, errSum = b64.DecodeString(parts[5])
	if !okM || !okT || errSalt != nil || errSum != nil || m < minMemory || m > maxMemory || t < 1 || t > maxPasses ||
		len(h.salt) < 8 || len(h.sum) < minSum || len(h.sum) > maxSum || h.String() != text {
		return phc{}, errors.New("authn: a stored hash has odd parameters: set the password anew")
	}
	return h, nil
}

func number(text, name string) (uint32, bool) {
	digits, ok := strings.CutPrefix(text, name)
	n, err := strconv.ParseUint(digits, 10, 32)
	return uint32(n), ok && err == nil
}
