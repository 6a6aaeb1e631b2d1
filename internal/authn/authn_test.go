package authn

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/account"
	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/reason"
)

// people is a store of accounts in memory.
type people struct {
	byKey    map[string]account.Account
	rehashed int
	err      error
}

func (p *people) AccountByUsername(_ context.Context, key string) (account.Account, error) {
	if p.err != nil {
		return account.Account{}, p.err
	}
	a, ok := p.byKey[key]
	if !ok {
		return a, reason.New(reason.NotFound, nil)
	}
	return a, nil
}

func (p *people) RehashPassword(_ context.Context, id, from, to string, _ audit.Act) error {
	for key, a := range p.byKey {
		if a.ID == id && a.PasswordHash == from {
			a.PasswordHash = to
			p.byKey[key] = a
			p.rehashed++
		}
	}
	return nil
}

type door struct {
	*testing.T
	*Passwords
	people *people
	now    time.Time
	hashes int
}

const right = "correct horse"

func newDoor(t *testing.T, names ...string) *door {
	t.Helper()
	d := &door{T: t, people: &people{byKey: map[string]account.Account{}}, now: time.Unix(1_800_000_000, 0)}
	var err error
	if d.Passwords, err = NewPasswords(d.people, func() time.Time { return d.now }, 2); err != nil {
		t.Fatal(err)
	}
	hash, err := d.Hash(t.Context(), right)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		key, err := account.UsernameKey(name)
		if err != nil {
			t.Fatal(err)
		}
		d.people.byKey[key] = account.Account{ID: "usr_" + key, Username: name, UsernameKey: key, PasswordHash: hash}
	}
	d.testOnlyHashed = func() { d.hashes++ }
	return d
}

func (d *door) try(name, password, from string) error {
	_, err := d.Verify(d.Context(), audit.Actor{Kind: "user"}, name, password, netip.MustParseAddr(from))
	return err
}

func (d *door) want(err error, code reason.Code) {
	d.Helper()
	if !errors.Is(err, reason.New(code, nil)) {
		d.Fatalf("got %v, want %s", err, code)
	}
}

// Enumeration: a known name, an unknown one, a disabled one, one that cannot
// exist and a password that cannot be: one answer, after the same work.
func TestThreatEnumeration(t *testing.T) {
	t.Parallel()
	d := newDoor(t, "ann", "bob")
	bob := d.people.byKey["bob"]
	bob.Disabled = true
	d.people.byKey["bob"] = bob
	for i, row := range []struct{ name, password string }{
		{"ann", "wrong horse"}, {"nobody", "wrong horse"}, {"bob", right}, {"bob", "wrong horse"}, {"a b", "wrong horse"},
		{strings.Repeat("x", 300), "wrong horse"}, {"", right}, {"ann", ""}, {"ann", strings.Repeat("x", 5000)}, {"ann", "\x00\x01"},
	} {
		before := d.hashes
		err := d.try(row.name, row.password, fmt.Sprintf("192.0.%d.1", i))
		d.want(err, reason.SignInFailed)
		if err.Error() != string(reason.SignInFailed) || d.hashes != before+1 {
			t.Errorf("%q %q: %q after %d hashes", row.name, row.password, err, d.hashes-before)
		}
	}
}

func TestNamesAndPasswordsHaveOneSpelling(t *testing.T) {
	t.Parallel()
	d := newDoor(t, "Ann")
	for _, name := range []string{"ann", "ANN", "Ann", "\uff21nn"} { // a full-width A
		if err := d.try(name, right, "192.0.2.1"); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	if err := d.try("ann", "correct\u00a0horse", "192.0.2.1"); err != nil { // a no-break space is a space (RFC 8265 4.2.2)
		t.Error(err)
	}
	d.want(d.try("ann", "Correct horse", "192.0.2.1"), reason.SignInFailed)
	for _, bad := range []string{"short", strings.Repeat("x", MaxPassword+1), "tab\tand more", ""} {
		if _, err := d.Hash(t.Context(), bad); !errors.Is(err, reason.New(reason.RequestInvalid, nil)) {
			t.Errorf("%q was taken: %v", bad, err)
		} else if bad != "" && strings.Contains(err.Error(), bad) {
			t.Errorf("the error shows the password")
		}
	}
}

// Guessing one name from everywhere: ten tries, then one every half minute, for
// known and unknown names alike, before a hash is spent, and never for good.
func TestThreatGuessing(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"ann", "nobody"} {
		d := newDoor(t, "ann")
		for i := range 10 {
			d.want(d.try(name, "wrong horse", fmt.Sprintf("192.0.%d.1", i)), reason.SignInFailed)
		}
		hashes := d.hashes
		for i := range 20 {
			err := d.try(strings.ToUpper(name), right, fmt.Sprintf("198.51.%d.1", i))
			d.want(err, reason.SignInThrottled)
			if e := err.(*reason.Error); e.RetryAfter != 30*time.Second {
				t.Fatalf("retry after %v", e.RetryAfter)
			}
		}
		if d.hashes != hashes {
			t.Fatal("a throttled try cost a hash")
		}
		d.now = d.now.Add(30 * time.Second)
		if err := d.try(name, right, "203.0.113.1"); name == "ann" && err != nil {
			t.Fatalf("after the wait: %v", err)
		}
	}
}

// Spraying many names from one network: fifty tries for a /24 or a /64.
func TestThreatSpraying(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ from, neighbour, stranger string }{
		{"192.0.2.%d", "192.0.2.250", "192.0.3.1"}, {"2001:db8::%x", "2001:db8::ffff", "2001:db8:0:1::1"}, {"::ffff:192.0.2.%d", "192.0.2.250", "192.0.3.1"},
	} {
		d := newDoor(t, "ann")
		for i := range 50 {
			d.want(d.try(fmt.Sprint("name", i), "wrong horse", fmt.Sprintf(row.from, i+1)), reason.SignInFailed)
		}
		d.want(d.try("ann", right, row.neighbour), reason.SignInThrottled)
		if err := d.try("ann", right, row.stranger); err != nil {
			t.Errorf("%s: %v", row.stranger, err)
		}
	}
}

// Success clears the name's bucket only: an account of one's own does not open
// the others.
// Whoever guesses without end locks nobody out of where they have signed in before,
// and gains no more guesses there.
func TestGuessersLockNobodyOut(t *testing.T) {
	t.Parallel()
	d := newDoor(t, "ann", "eve")
	for _, name := range []string{"ann", "eve"} {
		if err := d.try(name, right, map[string]string{"ann": "192.0.2.1", "eve": "198.51.100.1"}[name]); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 10 {
		d.want(d.try("ann", "wrong horse", fmt.Sprintf("203.0.%d.1", i)), reason.SignInFailed)
	}
	d.want(d.try("ann", right, "203.0.113.1"), reason.SignInThrottled)
	d.want(d.try("ann", right, "198.51.100.1"), reason.SignInThrottled) // eve's network is not ann's
	if err := d.try("Ann", right, "192.0.2.77"); err != nil {
		t.Fatalf("from the network of before: %v", err)
	}
	d.want(d.try("ann", right, "203.0.113.1"), reason.SignInThrottled) // and it opens nothing for the guessers
	for range 10 {
		d.want(d.try("ann", "wrong horse", "192.0.2.1"), reason.SignInFailed)
	}
	d.want(d.try("ann", right, "192.0.2.1"), reason.SignInThrottled)
}

func TestSuccessClearsTheNameOnly(t *testing.T) {
	t.Parallel()
	d := newDoor(t, "ann", "eve")
	for range 9 {
		d.want(d.try("ann", "wrong horse", "192.0.2.1"), reason.SignInFailed)
	}
	if err := d.try("ann", right, "192.0.2.1"); err != nil {
		t.Fatal(err)
	}
	for range 9 {
		d.want(d.try("ann", "wrong horse", "192.0.2.1"), reason.SignInFailed)
	}
	for i := range 32 { // 18 failures so far; successes in between do not lower them
		if err := d.try("eve", right, "192.0.2.1"); err != nil {
			t.Fatal(err)
		}
		d.want(d.try(fmt.Sprint("name", i), "wrong horse", "192.0.2.1"), reason.SignInFailed)
	}
	d.want(d.try("eve", right, "192.0.2.1"), reason.SignInThrottled)
}

// A store that is down is no wrong password, and is counted for nobody.
func TestFailingStoreIsNoFailure(t *testing.T) {
	t.Parallel()
	d := newDoor(t, "ann")
	d.people.err = errors.New("the disk is gone")
	for range 100 {
		if err := d.try("ann", right, "192.0.2.1"); !errors.Is(err, d.people.err) {
			t.Fatal(err)
		}
	}
	d.people.err = nil
	if err := d.try("ann", right, "192.0.2.1"); err != nil {
		t.Fatal(err)
	}
}

func TestOldHashesAreRenewed(t *testing.T) {
	t.Parallel()
	d := newDoor(t, "ann")
	old := phc{memory: 64, passes: 1, salt: random(16)}
	var err error
	if old.sum, err = d.sum(t.Context(), right, old, 32); err != nil {
		t.Fatal(err)
	}
	a := d.people.byKey["ann"]
	a.PasswordHash = old.String()
	d.people.byKey["ann"] = a
	for range 2 {
		if err := d.try("ann", right, "192.0.2.1"); err != nil {
			t.Fatal(err)
		}
	}
	h, err := parsePHC(d.people.byKey["ann"].PasswordHash)
	if err != nil || d.people.rehashed != 1 || h.memory != memory || h.passes != passes {
		t.Fatalf("rehashed %d times: %+v %v", d.people.rehashed, h, err)
	}
}

func FuzzPHC(f *testing.F) {
	good := phc{memory, passes, make([]byte, 16), make([]byte, 32)}.String()
	for _, v := range []string{good, "", "$argon2id$v=19$m=8,t=1,p=1$$", good + "=", good + "\n", "$argon2i$v=19$m=8,t=1,p=1$AAAA$AAAA",
		strings.Replace(good, "m=19456", "m=+19456", 1), strings.Replace(good, "m=19456", "m=4294967295", 1), strings.Replace(good, "p=1", "p=2", 1), strings.Replace(good, "t=2", "t=0", 1)} {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, text string) {
		h, err := parsePHC(text)
		if err == nil && (h.String() != text || len(h.sum) < minSum || h.memory > maxMemory || h.passes < 1 || h.passes > maxPasses) {
			t.Fatalf("%q was read as %+v", text, h)
		}
	})
}
