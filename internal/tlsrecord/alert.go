package tlsrecord

import "fmt"

// Alert is the description of an alert (RFC 8446, section 6).
type Alert uint8

// The alerts that are sent.
const (
	CloseNotify       Alert = 0
	UnexpectedMessage Alert = 10
	BadRecordMAC      Alert = 20
	RecordOverflow    Alert = 22
	IllegalParameter  Alert = 47
	DecodeError       Alert = 50
	InternalError     Alert = 80

	userCanceled Alert = 90
)

func (a Alert) level() byte {
	if a == CloseNotify {
		return 1
	}
	return 2
}

// Fault is an error of the peer, who is to be told of it by an alert.
type Fault struct {
	Alert Alert
	What  string
}

func (f *Fault) Error() string { return fmt.Sprintf("TLS: %s (alert %d)", f.What, f.Alert) }

// remote is an alert that the peer sent, after which the connection is over.
type remote struct{ alert Alert }

func (r *remote) Error() string { return fmt.Sprintf("TLS: the peer sent alert %d", r.alert) }
