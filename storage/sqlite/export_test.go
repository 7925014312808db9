package sqlite

import "fmt"

// SetReadOnly has SQLite refuse writes as on a read-only file system, which Linux does not make of one that a process
// has open for writing.
func (s *Store) SetReadOnly(on bool) error {
	value := 0
	if on {
		value = 1
	}
	_, err := s.file.write.Exec(fmt.Sprintf("PRAGMA query_only = %d", value))
	return err
}
