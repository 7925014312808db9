# To be sourced: how packages are compiled for the race detector. SQLite is C that was translated to Go. Its memory is
# not Go's, so the race detector finds nothing in it, and what it looks at there is half of all that the tests of
# storage/sqlite cost. What calls SQLite is looked at like everything else.
export GOFLAGS="${GOFLAGS:-} -gcflags=modernc.org/...=-race=false"
