package sqlite

import (
	"path/filepath"
	"sync"
	"testing"

	"github.com/jotward/jotward/internal/store/storetest"
)

func TestStore(t *testing.T) {
	var mu sync.Mutex
	paths := map[string]string{}
	storetest.Run(t, func(t *testing.T) storetest.Store {
		mu.Lock()
		defer mu.Unlock()
		path := paths[t.Name()]
		if path == "" {
			path = filepath.Join(t.TempDir(), "jotward.db")
			paths[t.Name()] = path
		}
		s, err := Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}
