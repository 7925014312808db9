package people

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
)

// cost is what a hash of a password costs.
type cost struct {
	memory  uint32 // KiB
	passes  uint32
	threads uint8
}

// owasp is what the Password Storage Cheat Sheet of OWASP recommends for argon2id.
var owasp = cost{memory: 19 << 10, passes: 2, threads: 1}

// The bounds of a hash that is checked, so that a wrong record can't take all memory.
const (
	mostMemory = 256 << 10 // KiB
	mostPasses = 20
	saltSize   = 16
	keySize    = 32
)

// key returns the hash of a password in NFKC.
func (c cost) key(password string, salt []byte, size int) []byte {
	return argon2.IDKey([]byte(password), salt, c.passes, c.memory, c.threads, uint32(size))
}

var phcEncoding = base64.RawStdEncoding.Strict()

// format returns a hash as a PHC string, such as $argon2id$v=19$m=19456,t=2,p=1$SALT$KEY.
func (c cost) format(salt, key []byte) string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, c.memory, c.passes, c.threads,
		phcEncoding.EncodeToString(salt), phcEncoding.EncodeToString(key))
}

var errPHC = errors.New("is no hash of argon2id")

// parsePHC parses what format returns, and nothing else. base64 alone would take ends of lines.
func parsePHC(s string) (c cost, salt, key []byte, err error) {
	parts := strings.Split(s, "$")
	if strings.ContainsAny(s, "\r\n") || len(parts) != 6 || parts[0] != "" ||
		parts[1] != "argon2id" || parts[2] != "v="+strconv.Itoa(argon2.Version) {
		return cost{}, nil, nil, errPHC
	}
	numbers := strings.Split(parts[3], ",")
	if len(numbers) != 3 {
		return cost{}, nil, nil, errPHC
	}
	memory, mOK := number(numbers[0], "m=", mostMemory)
	passes, tOK := number(numbers[1], "t=", mostPasses)
	threads, pOK := number(numbers[2], "p=", 16)
	if !mOK || !tOK || !pOK || memory < 8*threads {
		return cost{}, nil, nil, errPHC
	}
	salt, err = phcEncoding.DecodeString(parts[4])
	if err == nil {
		key, err = phcEncoding.DecodeString(parts[5])
	}
	if err != nil || len(salt) < 8 || len(salt) > 64 || len(key) < 16 || len(key) > 64 {
		return cost{}, nil, nil, errPHC
	}
	return cost{memory, passes, uint8(threads)}, salt, key, nil
}

// number parses a number from 1 to most behind a prefix. It has no sign and no zeros in front.
func number(s, prefix string, most uint32) (uint32, bool) {
	digits, ok := strings.CutPrefix(s, prefix)
	if !ok || strings.HasPrefix(digits, "0") || strings.HasPrefix(digits, "+") {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 32)
	return uint32(n), err == nil && n >= 1 && uint32(n) <= most
}
