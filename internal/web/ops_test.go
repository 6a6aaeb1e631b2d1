package web

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A disk that hangs makes readiness fail after its bound: for each who asks, with one read
// under way however many do, and only for as long as it hangs.
func TestReadinessIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var looks atomic.Int32
		hangs := make(chan struct{})
		h := &Health{Ready: Within(time.Second, func(context.Context) []Check {
			if looks.Add(1) > 1 { // the first is quick
				<-hangs
			}
			return []Check{{Name: "keys", OK: true}}
		})}
		ask := func() (int, string, time.Duration) {
			w, began := httptest.NewRecorder(), time.Now()
			if err := h.Readiness(w, httptest.NewRequest("GET", "/readyz?verbose", nil)); err != nil {
				t.Error(err)
			}
			return w.Code, w.Body.String(), time.Since(began)
		}
		if status, body, took := ask(); status != http.StatusOK || took != 0 || !strings.Contains(body, `"keys"`) {
			t.Errorf("%d %s after %s", status, body, took)
		}
		for range 3 {
			for range 10 {
				go func() {
					if status, body, took := ask(); status != http.StatusServiceUnavailable || took != time.Second || !strings.Contains(body, "no answer within 1s") {
						t.Errorf("%d %s after %s", status, body, took)
					}
				}()
			}
			time.Sleep(2 * time.Second) // of the bubble's clock
			synctest.Wait()
		}
		if n := looks.Load(); n != 2 {
			t.Errorf("%d reads hang", n-1)
		}
		close(hangs)
		synctest.Wait()
		if status, body, _ := ask(); status != http.StatusOK || looks.Load() != 3 {
			t.Errorf("%d %s, after it hung no more", status, body)
		}
	})
}
