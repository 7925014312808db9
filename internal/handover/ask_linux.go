package handover

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Ask asks the server with this PID to upgrade itself, and waits until it has. It calls told with what the server says. If ctx ends,
// Ask returns, and the upgrade goes on. The server must be in the same network namespace.
func Ask(ctx context.Context, pid int, told func(string)) (Count, error) {
	count, err := ask(ctx, pid, told)
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return Count{}, fmt.Errorf("upgrade server %d: %w", pid, err)
	}
	return count, nil
}

func ask(ctx context.Context, pid int, told func(string)) (Count, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", address(pid))
	if errors.Is(err, unix.ECONNREFUSED) {
		return Count{}, errors.New("no server with this PID can be upgraded; it has to be in the same network namespace")
	}
	if err != nil {
		return Count{}, err
	}
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	who, err := credentials(conn.(*net.UnixConn))
	if err != nil {
		return Count{}, err
	}
	if int(who.Pid) != pid { // anybody may listen at any name
		return Count{}, fmt.Errorf("process %d listens at %s", who.Pid, address(pid))
	}
	line, err := json.Marshal(request{Do: "upgrade"})
	if err != nil {
		return Count{}, err
	}
	_, sent := conn.Write(append(line, '\n')) // the server may refuse this user at once, and says so
	count, err := follow(conn, told)
	if errors.Is(err, errSilent) && sent != nil {
		err = sent
	}
	return count, err
}

// errSilent means that the server did not say how the upgrade went.
var errSilent = errors.New("the server has ended without an answer")

// follow reads the answers until the last one.
func follow(from io.Reader, told func(string)) (Count, error) {
	lines := bufio.NewScanner(from)
	for lines.Scan() {
		var a answer
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			return Count{}, fmt.Errorf("answer of the server: %w", err)
		}
		switch {
		case a.Error != "":
			return Count{}, errors.New(a.Error)
		case a.Done != nil:
			return *a.Done, nil
		case a.Told != "":
			told(a.Told)
		}
	}
	if err := lines.Err(); err != nil && !errors.Is(err, unix.ECONNRESET) {
		return Count{}, fmt.Errorf("answer of the server: %w", err)
	}
	return Count{}, errSilent
}

// Servers returns the PIDs of the servers in this network namespace that this user may upgrade, in order. Another program of the user may
// pretend to be one; Ask notices.
func Servers() ([]int, error) {
	f, err := os.Open("/proc/net/unix")
	if err != nil {
		return nil, fmt.Errorf("list servers: %w", err)
	}
	defer func() { _ = f.Close() }()
	pids, err := listed(f)
	if err != nil {
		return nil, fmt.Errorf("list servers: %w", err)
	}
	return ours(pids, os.Geteuid()), nil
}

// ours leaves out the processes of other users, and names without a process: any user may listen at any name. root may upgrade the servers
// of all users.
func ours(pids []int, user int) []int {
	return slices.DeleteFunc(pids, func(pid int) bool {
		owner, there := userOf(pid)
		return !there || user != 0 && owner != user
	})
}

// userOf returns the user of a process.
func userOf(pid int) (user int, there bool) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)) // the owner of the folder may be root instead
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(status)) {
		if ids, ok := strings.CutPrefix(line, "Uid:"); ok {
			if fields := strings.Fields(ids); len(fields) == 4 { // real, effective, saved, for files
				user, err = strconv.Atoi(fields[1])
				return user, err == nil
			}
		}
	}
	return 0, false
}

// listed reads the table of Unix sockets. Its columns are Num, RefCount, Protocol, Flags, Type, St, Inode and Path.
func listed(table io.Reader) ([]int, error) {
	const accepts = "00010000" // the flags of a socket that listens
	var pids []int
	lines := bufio.NewScanner(table)
	for lines.Scan() {
		columns := strings.Fields(lines.Text())
		if len(columns) != 8 || columns[3] != accepts {
			continue
		}
		number, ok := strings.CutPrefix(columns[7], prefix)
		if pid, err := strconv.Atoi(number); ok && err == nil && pid > 0 {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return slices.Compact(pids), lines.Err()
}
