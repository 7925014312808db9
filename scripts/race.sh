# To be sourced. SQLite's C code, which a program translated to Go, has no goroutines and takes three times as long with the
# race detector. So it alone is compiled without. Packages with generic functions must not be: the linker may take such a
# function from them for a package that is checked.
export GOFLAGS="${GOFLAGS-} -gcflags=modernc.org/sqlite/lib=-race=false"
