// Package route holds what publishers, receivers and pages share on HTTP: routes and their mounting, URLs made from
// names, the hook that authorises, origins, the client's address, rate limits, listings of channels, entity tags, and
// errors as problem+json.
package route

import "net/http"

// Secret is the name of the wildcard in the path of a source that can show its secret nowhere else.
const Secret = "secret"

// Route is one path with its handler.
type Route struct {
	// Name is unique in the application. [Table.URL] makes URLs from it.
	Name string
	// Pattern is a path of net/http's ServeMux without a method, such as "long-polling/{channel_id}/". A pattern that
	// does not begin with / is mounted below the path that [Table.Add] gets. Clients may leave out the last slash. Paths
	// below the pattern do not match, unless it ends in a wildcard for the rest of the path, such as /static/{file...}.
	// The pattern /{file...} matches what no other route matches. The value of the wildcard {secret} is left out of logs.
	Pattern string
	Handler http.Handler
	// Refuse answers a request that is refused before the handler sees it. nil means [WriteError].
	Refuse func(w http.ResponseWriter, r *http.Request, err error)
	// OpenAPI describes the route: a Path Item Object of OpenAPI 3.1 in JSON. It may refer to the components of
	// receiver/webapp's openapi.json. The server's description has it at the path at which the route is mounted. nil
	// leaves the route out.
	OpenAPI []byte
	// Many says that a request names several channels, not one by {channel_id}. The handler asks [Permit] about each.
	Many bool
	// Connect has the URLs of other servers to which readers of this route connect, such as a hub. Pages allow it in their policy.
	Connect []string
}
