package tlsrecord

import (
	"crypto/cipher"
	"encoding/binary"
)

// half is one direction of a connection. Its secret says everything else but the sequence number.
type half struct {
	secret [maxSecret]byte // application_traffic_secret_N, as long as the suite says
	iv     [ivLen]byte     // valid if aead is not nil
	seq    uint64          // of the next record
	aead   cipher.AEAD     // nil until it is needed
}

func (h *half) init(s *suite) error {
	if h.aead != nil {
		return nil
	}
	secret := h.secret[:s.size]
	key, err := s.expand(secret, "key", s.keyLen)
	if err != nil {
		return err
	}
	iv, err := s.expand(secret, "iv", ivLen)
	if err != nil {
		return err
	}
	aead, err := s.aead(key)
	if err != nil {
		return err
	}
	clear(key)
	copy(h.iv[:], iv)
	h.aead = aead
	return nil
}

// renew goes over to the next secret (RFC 8446, section 7.2).
func (h *half) renew(s *suite) error {
	next, err := s.expand(h.secret[:s.size], "traffic upd", s.size)
	if err != nil {
		return err
	}
	copy(h.secret[:], next)
	clear(next)
	h.aead, h.seq = nil, 0
	return h.init(s)
}

// forget lets the memory of the cipher go. The next init makes it again.
func (h *half) forget() {
	h.aead = nil
	clear(h.iv[:])
}

// mask turns the iv into the next record's nonce, and back again. So a record needs no memory for a nonce.
func (h *half) mask() {
	low := h.iv[ivLen-8:]
	binary.BigEndian.PutUint64(low, binary.BigEndian.Uint64(low)^h.seq)
}

// seal appends a record. data must not overlap dst.
func (h *half) seal(dst []byte, kind byte, data []byte) []byte {
	n := len(data) + 1 + tagLen
	start := len(dst)
	dst = append(dst, typeData, 3, 3, byte(n>>8), byte(n))
	dst = append(append(dst, data...), kind)
	body := start + headerLen
	h.mask()
	dst = h.aead.Seal(dst[:body], h.iv[:], dst[body:], dst[start:body])
	h.mask()
	h.seq++
	return dst
}

// open appends the contents of a record, with their type and padding, to dst, which may be the record's own body. The sequence
// number moves on only if the record is genuine.
func (h *half) open(dst, record []byte) ([]byte, error) {
	h.mask()
	inner, err := h.aead.Open(dst, h.iv[:], record[headerLen:], record[:headerLen])
	h.mask()
	if err != nil {
		return nil, err
	}
	h.seq++
	return inner, nil
}

// unpad splits the contents of a record into type and data; kind is 0 if there is no type.
func unpad(inner []byte) (kind byte, data []byte) {
	end := len(inner)
	for end > 0 && inner[end-1] == 0 {
		end--
	}
	if end == 0 {
		return 0, nil
	}
	return inner[end-1], inner[:end-1]
}
