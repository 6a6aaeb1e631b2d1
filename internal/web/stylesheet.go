package web

import (
	"embed"
	"net/http"
)

//go:embed style.css
var style embed.FS

// Stylesheet answers GET /style.css, the one look of every page.
func Stylesheet(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Cache-Control", "public, max-age=3600")
	http.ServeFileFS(w, r, style, "style.css")
	return nil
}
