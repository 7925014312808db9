package route

import (
	"context"
	"net/http"
)

type repeatKey struct{}

// OnRepeat returns r carrying may. A server that answers the same request again on the same connection, without calling
// the handlers, must call may first. If may returns false, the request must pass through the handlers. may must not
// block and must not keep r.
func OnRepeat(r *http.Request, may func() bool) *http.Request {
	if before := Repeats(r); before != nil {
		then := may
		may = func() bool { return before() && then() }
	}
	return r.WithContext(context.WithValue(r.Context(), repeatKey{}, may))
}

// Repeats returns the function that [OnRepeat] has added to r, or nil if there is none.
func Repeats(r *http.Request) func() bool {
	may, _ := r.Context().Value(repeatKey{}).(func() bool)
	return may
}
