// Package tokensource is the client's side of bearer tokens: it gets access tokens
// from an issuer, keeps each until shortly before it expires, and puts them on
// requests to the hosts that they are for, and to no others.
//
//	fetch, err := tokensource.ClientCredentials(tokensource.ClientConfig{...})
//	source, err := tokensource.New(tokensource.Config{Fetch: fetch, Clock: time.Now})
//	transport, err := tokensource.NewTransport(source, nil, "https://api.example")
//	client := &http.Client{Transport: transport}
//
// A Source fetches once for any number of callers, ahead of time where it can, so
// that few requests wait for a token. A fetch that fails is told to those who
// waited for it and to nobody else: the next one who needs a token tries again.
package tokensource
