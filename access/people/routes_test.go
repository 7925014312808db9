package people

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// Each route of the REST interface is described, with its methods and no others, in terms that exist.
func TestDescriptions(t *testing.T) {
	in(t, func(t *testing.T) {
		s := open(t)
		b := s.browser("192.0.2.1")
		seen := map[string]bool{}
		for _, rt := range s.URLs() {
			if !strings.HasPrefix(rt.Pattern, "/api/") {
				if rt.OpenAPI != nil {
					t.Errorf("%s is a page, and described", rt.Pattern)
				}
				continue
			}
			var item map[string]json.RawMessage
			if err := json.Unmarshal(rt.OpenAPI, &item); err != nil {
				t.Errorf("%s: %v", rt.Pattern, err)
			}
			path := strings.NewReplacer("{person}", "nobody", "{passkey}", "none", "{invitation}", "none").Replace(rt.Pattern)
			for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
				has := b.rest(method, path, nil).Code != http.StatusMethodNotAllowed
				raw, described := item[strings.ToLower(method)]
				if has != described {
					t.Errorf("%s %s is served: %v, described: %v", method, rt.Pattern, has, described)
				}
				if !described {
					continue
				}
				var op struct{ OperationID, Summary string }
				if err := json.Unmarshal(raw, &op); err != nil || op.OperationID == "" || op.Summary == "" || seen[op.OperationID] {
					t.Errorf("%s %s: %+v, %v", method, rt.Pattern, op, err)
				}
				seen[op.OperationID] = true
			}
			if strings.Contains(rt.Pattern, "{") != (item["parameters"] != nil) {
				t.Errorf("%s: the parameters are %s", rt.Pattern, item["parameters"])
			}
		}
	})
}
