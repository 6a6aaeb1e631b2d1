package oauth

import (
	"errors"
	"slices"
)

// The bounds of a claims parameter: of its text in bytes, and of the claims that are
// asked for in one place or the values of one claim.
const (
	maxClaims = 4 << 10
	maxNames  = 64
)

// A ClaimsRequest is what a claims parameter asks for (OpenID Connect Core 5.5). Its
// zero value asks for nothing.
type ClaimsRequest struct {
	IDToken, UserInfo []string // the names of claims, sorted
	// Subjects are those of whom one must be signed in (3.1.2.2), nil for anybody.
	Subjects []string
	// EssentialACR says that the sign-in must be of one of the classes ACR (5.5.1.1),
	// or of any where ACR is nil. An acr that is not essential asks for nothing here.
	EssentialACR bool
	ACR          []string
}

// ParseClaims reads a claims parameter. Members that are not known are ignored, as 5.5
// and 5.5.1 demand; what is known and has another type fails.
func ParseClaims(text string) (ClaimsRequest, error) {
	var c ClaimsRequest
	if len(text) > maxClaims {
		return c, errors.New("oauth: claims is longer than 4096 bytes")
	}
	members, err := Object([]byte(text))
	if err != nil {
		return c, errors.New("oauth: claims " + err.Error())
	}
	if c.UserInfo, _, err = claimsOf(members, "userinfo"); err != nil {
		return ClaimsRequest{}, err
	}
	names, wants, err := claimsOf(members, "id_token")
	if err != nil {
		return ClaimsRequest{}, err
	}
	c.IDToken = names
	if _, c.Subjects, err = want(wants["sub"]); err != nil {
		return ClaimsRequest{}, err
	}
	if c.EssentialACR, c.ACR, err = want(wants["acr"]); err != nil {
		return ClaimsRequest{}, err
	}
	return c, nil
}

// claimsOf reads one member of the parameter: each claim is null, or an object that
// says more of it (5.5.1).
func claimsOf(members map[string]any, place string) (names []string, wants map[string]map[string]any, err error) {
	member, there := members[place]
	if !there {
		return nil, nil, nil
	}
	list, ok := member.(map[string]any)
	if !ok || len(list) > maxNames {
		return nil, nil, errors.New("oauth: claims: " + place + " is no object, or asks for more than 64 claims")
	}
	wants = map[string]map[string]any{}
	for name, v := range list {
		of, ok := v.(map[string]any)
		if v != nil && !ok {
			return nil, nil, errors.New("oauth: claims: one is neither null nor an object")
		}
		if essential, there := of["essential"]; there {
			if _, ok := essential.(bool); !ok {
				return nil, nil, errors.New("oauth: claims: essential is neither true nor false")
			}
		}
		if values, there := of["values"]; there {
			if _, ok := values.([]any); !ok {
				return nil, nil, errors.New("oauth: claims: values is no array")
			}
		}
		names, wants[name] = append(names, name), of
	}
	slices.Sort(names)
	return names, wants, nil
}

// want reads what is wanted of a claim whose values are texts.
func want(of map[string]any) (essential bool, values []string, err error) {
	essential, _ = of["essential"].(bool)
	list, several := of["values"].([]any)
	one, single := of["value"]
	if single && several || several && len(list) == 0 || len(list) > maxNames {
		return false, nil, errors.New("oauth: claims: a claim has value beside values, no values, or more than 64")
	}
	if single {
		list = []any{one}
	}
	for _, v := range list {
		text, ok := v.(string)
		if !ok || text == "" {
			return false, nil, errors.New("oauth: claims: a value of sub or acr is no text")
		}
		values = append(values, text)
	}
	return essential, values, nil
}
