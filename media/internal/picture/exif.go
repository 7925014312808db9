package picture

import (
	"bytes"
	"encoding/binary"
)

// orientation returns the orientation that an EXIF block says, or 1. data is a TIFF header with its first directory (Exif 2.32,
// section 4.6.2). Whatever is wrong with it, the image is shown as it is stored.
func orientation(data []byte) int {
	const tag, short = 0x0112, 3
	data = bytes.TrimPrefix(data, []byte("Exif\x00\x00")) // some programs write it into WebP too
	if len(data) < 8 {
		return 1
	}
	var order binary.ByteOrder
	switch string(data[:4]) {
	case "II*\x00":
		order = binary.LittleEndian
	case "MM\x00*":
		order = binary.BigEndian
	default:
		return 1
	}
	at := uint64(order.Uint32(data[4:]))
	if at+2 > uint64(len(data)) {
		return 1
	}
	entries := data[at+2:]
	for range order.Uint16(data[at:]) {
		if len(entries) < 12 {
			return 1
		}
		if order.Uint16(entries) == tag && order.Uint16(entries[2:]) == short && order.Uint32(entries[4:]) == 1 {
			if n := int(order.Uint16(entries[8:])); n >= 1 && n <= 8 {
				return n
			}
			return 1
		}
		entries = entries[12:]
	}
	return 1
}
