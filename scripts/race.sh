# To be sourced: how packages are compiled for the race detector. modernc.org/sqlite/lib is SQLite, C that was translated to
# Go. Its memory is not Go's, so the race detector finds nothing in it, and what it looks at there is much of what the tests
# of storage/sqlite cost. What calls SQLite, and its locks (modernc.org/libc), are looked at like everything else. This can't
# be done with other packages of modernc.org: the linker may take generic functions of theirs for those of others.
export GOFLAGS="${GOFLAGS:-} -gcflags=modernc.org/sqlite/lib=-race=false"
