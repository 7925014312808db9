#!/bin/sh
# Installs the Debian packages that the tests need, and those that are named, if it may (root on Debian). Otherwise it says
# what is missing.
set -eu

missing=$*
command -v gcc >/dev/null || missing="$missing gcc"
command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null ||
	missing="$missing chromium"
command -v curl >/dev/null || missing="$missing curl"
command -v openssl >/dev/null || missing="$missing openssl"
command -v nmap >/dev/null || missing="$missing nmap"
command -v python3 >/dev/null || missing="$missing python3"
python3 -c "import cryptography" 2>/dev/null || /usr/bin/python3 -c "import cryptography" 2>/dev/null ||
	missing="$missing python3-cryptography"
python3 -c "import jwt" 2>/dev/null || /usr/bin/python3 -c "import jwt" 2>/dev/null || missing="$missing python3-jwt"
command -v nginx >/dev/null || [ -x /usr/sbin/nginx ] || missing="$missing nginx"
[ -e /usr/lib/nginx/modules/ngx_nchan_module.so ] || missing="$missing libnginx-mod-nchan"
command -v pushpin >/dev/null || missing="$missing pushpin"
command -v varnishd >/dev/null || [ -x /usr/sbin/varnishd ] || missing="$missing varnish"
command -v postgres >/dev/null || ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || missing="$missing postgresql"
command -v redis-server >/dev/null || missing="$missing redis-server"
command -v node >/dev/null || missing="$missing nodejs"
command -v npm >/dev/null || missing="$missing npm"
command -v systemd-analyze >/dev/null || missing="$missing systemd"
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	echo "Installing: $missing" >&2
	# Debian must not start the services, because the tests start servers of their own. It asks policy-rc.d.
	export DEBIAN_FRONTEND=noninteractive
	policy=/usr/sbin/policy-rc.d
	if [ ! -e "$policy" ]; then
		trap 'rm -f "$policy"' EXIT
		printf '#!/bin/sh\nexit 101\n' >"$policy"
		chmod 755 "$policy"
	fi
	apt-get update -qq
	case $missing in *gcc*) missing="$missing libc6-dev" ;; esac
	# Chromium's engine alone takes a tenth of the processor for a context of a browser test. Where Debian has no such package,
	# the tests do without. Both packages must be of one version.
	if ! command -v chromium-headless-shell >/dev/null && apt-cache show chromium-headless-shell >/dev/null 2>&1; then
		missing="$missing chromium chromium-headless-shell"
	fi
	# shellcheck disable=SC2086 # a list of words
	apt-get install -qq -y --no-install-recommends $missing </dev/null >/dev/null
	exit 0
fi

echo "The tests need what this machine lacks: $missing" >&2
echo "  gcc: the race detector. chromium: the browser tests. nginx: the tests behind a proxy; its nchan: the benchmarks and the publisher." >&2
echo "  varnish: the tests behind a cache. pushpin: the publisher of GRIP." >&2
echo "  nodejs, npm: the npm package, and the server for the publisher of Pusher's protocol. postgresql, redis-server: the stores of those names. systemd: the unit in deploy." >&2
echo "  curl: what docs/ show. openssl, nmap, python3, python3-cryptography: the tests of TLS. python3-jwt: those of signed tokens." >&2
echo "  On Debian: sudo apt-get install $missing" >&2
exit 1
