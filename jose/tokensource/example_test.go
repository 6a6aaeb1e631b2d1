package tokensource_test

import (
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
