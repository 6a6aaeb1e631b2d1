package action_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"github.com/jotward/jotward/jose/action"
)

// A reset link: opening it shows a form and changes nothing, so a mail scanner
// may; sending the form spends the token.
func Example() {
	store, err := action.NewMemoryStore(10_000)
	if err != nil {
		fmt.Println(err)
		return
	}
	links, err := action.New(action.Config{Store: store, MaxLifetime: time.Hour, Clock: time.Now})
	if err != nil {
		fmt.Println(err)
		return
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token := r.FormValue("token")
		if r.Method != http.MethodPost {
			if _, err := links.Peek(r.Context(), "password_reset", token); err != nil {
				http.Error(w, "This link does not work. Ask for a new one.", http.StatusBadRequest)
				return
			}
			fmt.Fprint(w, "<form method=post>…")
			return
		}
		record, err := links.Spend(r.Context(), "password_reset", token)
		if err != nil {
			http.Error(w, "This link does not work. Ask for a new one.", http.StatusBadRequest)
			return
		}
		fmt.Fprintf(w, "new password for %s", record.Subject)
	})

	token, err := links.Issue(context.Background(), "password_reset", "alice", 30*time.Minute)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, method := range []string{"GET", "GET", "POST", "POST"} {
		req := httptest.NewRequest(method, "/reset?token="+url.QueryEscape(token), nil)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, req)
		fmt.Println(method, w.Code, strings.TrimSpace(w.Body.String()))
	}
	// Output:
	// GET 200 <form method=post>…
	// GET 200 <form method=post>…
	// POST 200 new password for alice
	// POST 400 This link does not work. Ask for a new one.
}

// One token, for one purpose, once.
func ExampleNew() {
	moment := time.Unix(1700000000, 0)
	store, err := action.NewMemoryStore(10_000) // or a Store of your database
	if err != nil {
		fmt.Println(err)
		return
	}
	links, err := action.New(action.Config{Store: store, MaxLifetime: 24 * time.Hour, Clock: func() time.Time { return moment }})
	if err != nil {
		fmt.Println(err)
		return
	}
	token, err := links.Issue(context.Background(), "verify_email", "alice", time.Hour)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = links.Spend(context.Background(), "password_reset", token)
	fmt.Println(err)
	record, err := links.Spend(context.Background(), "verify_email", token)
	fmt.Println(record.Subject, err)
	_, err = links.Spend(context.Background(), "verify_email", token)
	fmt.Println(err)

	late, err := links.Issue(context.Background(), "verify_email", "bob", time.Hour)
	if err != nil {
		fmt.Println(err)
		return
	}
	moment = moment.Add(time.Hour)
	_, err = links.Spend(context.Background(), "verify_email", late)
	fmt.Println(err)
	// Output:
	// action_invalid: unknown, expired, spent, or for another purpose
	// alice <nil>
	// action_invalid: unknown, expired, spent, or for another purpose
	// action_invalid: unknown, expired, spent, or for another purpose
}
