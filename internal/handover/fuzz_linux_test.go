package handover

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"
)

// FuzzParcel sends anything, in packets of any size, with files anywhere. No file may stay open but that of a parcel.
func FuzzParcel(f *testing.F) {
	good, err := pack(connection, Of{"sse", []byte("state")})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good, uint16(len(good)), uint8(1), uint8(1))
	f.Add(good, uint16(10), uint8(1), uint8(1))
	f.Add(good, uint16(10), uint8(2), uint8(1))
	f.Add(good, uint16(10), uint8(1), uint8(2))
	f.Add(good[:20], uint16(100), uint8(1), uint8(1))
	f.Add(message(1<<40, "{}"), uint16(100), uint8(0), uint8(0))
	f.Add(message(20, `{"kind":"last"}`), uint16(8), uint8(0), uint8(0))
	f.Fuzz(func(t *testing.T, text []byte, size uint16, with, files uint8) {
		a, b := links(t)
		var pipe [2]int
		if err := unix.Pipe2(pipe[:], unix.O_NONBLOCK|unix.O_CLOEXEC); err != nil {
			t.Fatal(err)
		}
		defer unix.Close(pipe[0])
		rights := make([]int, files%4)
		for i := range rights {
			rights[i] = pipe[1]
		}
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			for i := 0; len(text) > 0; i++ {
				n := min(len(text), int(size)+1)
				var oob []byte
				if len(rights) > 0 && with>>(i%8)&1 == 1 {
					oob = unix.UnixRights(rights...)
				}
				if _, _, err := a.conn.WriteMsgUnix(text[:n], oob, nil); err != nil {
					break // the packet is too long, or nobody reads
				}
				text = text[n:]
			}
			unix.Close(pipe[1])
			a.close()
		}()
		p, err := b.receive(t.Context(), connection)
		if err != nil && p.file != nil {
			t.Errorf("there is a file in spite of %v", err)
		}
		if err == nil {
			_ = p.into(&Of{})
		}
		p.drop()
		b.close()
		<-sent
		if _, err := unix.Read(pipe[0], make([]byte, 1)); errors.Is(err, unix.EAGAIN) {
			t.Error("a file stays open")
		}
	})
}
