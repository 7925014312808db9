// Package route is what publishers, receivers and pages have in common on HTTP: routes and their mounting, names
// reversed into URLs, the hook that authorises, origins, the client's address, and errors as problem+json.
package route

import "net/http"

// Route is one path with its handler.
type Route struct {
	// Name is unique in the application and may be reversed into a URL with [Table.URL].
	Name string
	// Pattern is a path of net/http's ServeMux without a method, such as "long-polling/{channel_id}/". One that does
	// not begin with / stands below the base path under which it is mounted. The last slash may be left out by clients,
	// and nothing beneath it is matched.
	Pattern string
	Handler http.Handler
	// Refuse answers a request that was refused before the handler saw it; nil means [WriteError].
	Refuse func(w http.ResponseWriter, r *http.Request, err error)
	// OpenAPI describes the route: a Path Item Object of OpenAPI 3.1, in JSON, which may refer to the components of
	// receiver/webapp's openapi.json. The server's description has it at the path at which the route is mounted; nil
	// leaves the route out.
	OpenAPI []byte
}
