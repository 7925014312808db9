// Package byline says who wrote a post and who approved it, where that is not who sends the request: a draft comes out at its time, or
// because an editor publishes it.
package byline

import (
	"context"

	"github.com/motacilla-live/motacilla/route"
)

// Person is an account, as route.Holder has it.
type Person struct {
	Who  string `json:"who"`
	Name string `json:"name"`
}

// Line is what a version of a post says of people. Fields are empty if that is not known.
type Line struct {
	By       Person // who wrote it
	Approved Person // who published or scheduled what By wrote
}

type key struct{}

// With returns a context in which posts are written with this line.
func With(ctx context.Context, l Line) context.Context { return context.WithValue(ctx, key{}, l) }

// Of returns the line of what is written in ctx: that of [With], or the holder of the request's grant.
func Of(ctx context.Context) Line {
	l, _ := ctx.Value(key{}).(Line)
	if h := route.HolderOf(ctx); h != nil && l.By.Who == "" {
		l.By = Person{h.Who, h.Name}
	}
	return l
}

// Known reports whether the line says something.
func (l Line) Known() bool { return l != Line{} }
