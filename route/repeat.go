package route

import (
	"context"
	"net/http"
)

type repeatKey struct{}

// OnRepeat returns r carrying may, which is asked whenever the same request comes again on the same connection and is
// answered without passing through the handlers before: where it returns false, it passes through them. may must not
// block, nor keep r.
func OnRepeat(r *http.Request, may func() bool) *http.Request {
	if before := Repeats(r); before != nil {
		then := may
		may = func() bool { return before() && then() }
	}
	return r.WithContext(context.WithValue(r.Context(), repeatKey{}, may))
}

// Repeats returns what is to be asked when r comes again; nil for nothing.
func Repeats(r *http.Request) func() bool {
	may, _ := r.Context().Value(repeatKey{}).(func() bool)
	return may
}
