package tokensource_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/jotward/jotward/jose/tokensource"
)

// A client calls an API with tokens that it gets for itself. Both are test servers
// here; real ones need no AllowHTTP.
func Example() {
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, _, _ := r.BasicAuth()
		fmt.Fprintf(w, `{"access_token":"for-%s","token_type":"Bearer","expires_in":600}`, id)
	}))
	defer issuer.Close()
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "called with ", r.Header.Get("Authorization"))
	}))
	defer api.Close()

	fetch, err := tokensource.ClientCredentials(tokensource.ClientConfig{
		TokenURL: issuer.URL + "/token", AllowHTTP: true,
		ClientID: "batch", ClientSecret: "not in the source, please",
		Scopes: []string{"orders.read"}, Clock: time.Now,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	source, err := tokensource.New(tokensource.Config{Fetch: fetch, Clock: time.Now})
	if err != nil {
		fmt.Println(err)
		return
	}
	transport, err := tokensource.NewTransport(source, nil, api.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	client := &http.Client{Transport: transport}
	resp, err := client.Get(api.URL + "/orders")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	fmt.Println(string(body), err)
	// Output: called with Bearer for-batch <nil>
}

// Tokens from anywhere: a file that another program writes, a metadata service, an
// exchange. However many callers there are, one fetch is under way.
func ExampleNew() {
	moment := time.Unix(1700000000, 0)
	fetches := 0
	source, err := tokensource.New(tokensource.Config{
		Fetch: func(context.Context) (tokensource.Token, error) {
			fetches++
			return tokensource.Token{Value: fmt.Sprint("token-", fetches), Expires: moment.Add(10 * time.Minute)}, nil
		},
		Clock: func() time.Time { return moment },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 3 {
		token, err := source.Token(context.Background())
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(token.Value, "/", token) // printed whole, it shows nothing of its value
		moment = moment.Add(5 * time.Minute)
	}
	// Output:
	// token-1 / token until 2023-11-14T22:23:20Z
	// token-1 / token until 2023-11-14T22:23:20Z
	// token-2 / token until 2023-11-14T22:33:20Z
}
