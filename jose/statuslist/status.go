package statuslist

import "strconv"

// A Status is what a list says of one token: 0 to 255, as many as its bits allow.
type Status uint8

// The registered values (section 7.1).
const (
	Valid     Status = 0x00 // valid, correct or legal
	Invalid   Status = 0x01 // revoked, annulled, taken back
	Suspended Status = 0x02 // for the time being not valid
)

// ApplicationSpecific reports whether the value is one that the application
// gives its meaning: 3, and 12 to 15. All others but the three registered ones
// are reserved (section 7.1).
func (s Status) ApplicationSpecific() bool { return s == 0x03 || 0x0c <= s && s <= 0x0f }

// String returns the registered name, or the number with what it is.
func (s Status) String() string {
	switch {
	case s == Valid:
		return "VALID"
	case s == Invalid:
		return "INVALID"
	case s == Suspended:
		return "SUSPENDED"
	case s.ApplicationSpecific():
		return "application-specific " + strconv.Itoa(int(s))
	}
	return "unregistered " + strconv.Itoa(int(s))
}
