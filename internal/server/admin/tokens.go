package admin

import (
	"net/http"

	"github.com/jotward/jotward/internal/grant"
	"github.com/jotward/jotward/internal/web"
	"github.com/jotward/jotward/jose/lint"
)

// ExplainToken answers POST /admin/v1/tokens/explain: what the console shows of a token.
func (e *Endpoints) ExplainToken(w http.ResponseWriter, r *http.Request) error {
	var in grant.Question
	if err := web.ReadJSON(r, &in); err != nil {
		return err
	}
	found, err := e.Grants.Explain(r.Context(), in)
	if err != nil {
		return err
	}
	found.Findings = append([]lint.Finding{}, found.Findings...) // never null
	return web.JSON(w, http.StatusOK, found)
}
