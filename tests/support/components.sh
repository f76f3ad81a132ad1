#!/bin/sh
# Sees to the programs outside Python that `make run` or `make test` needs (argument: venv, run or test).
# As root on Debian or Ubuntu it installs what is missing, without starting any service. Elsewhere it
# names what is missing: `run` goes on without, `venv` and `test` fail.
set -eu
purpose=$1
PATH="$PATH:/usr/sbin:/sbin"
missing=""
tried=""

need() { # need PACKAGE COMMAND…: the package is missing when the command fails
    package=$1
    shift
    "$@" >/dev/null 2>&1 || missing="$missing $package"
}
command_exists() { command -v "$1"; }
library_exists() { ldconfig -p | grep -q "$1"; }
font_exists() { fc-list | grep -q "$1"; }
spanish_exists() { tesseract --list-langs | grep -qx spa; }
# Of half the processor's time; where it cannot be had, the whole browser does as well.
browser_exists() { command_exists chromium-headless-shell || { test "$tried" && command_exists chromium; }; }
postgresql_exists() { ls /usr/lib/postgresql/*/bin/initdb; }

find_missing() {
    missing=""
    case $purpose in
    venv)
        need python3-venv "${PYTHON:-python3}" -c "import ensurepip, venv"
        return
        ;;
    esac
    # WeasyPrint draws PDF files with these.
    need libpango-1.0-0 library_exists libpango-1.0.so.0
    need libpangoft2-1.0-0 library_exists libpangoft2-1.0.so.0
    need libharfbuzz-subset0 library_exists libharfbuzz-subset.so.0
    need fontconfig command_exists fc-list
    need fonts-noto-core font_exists NotoSans-Regular
    # Reads scans.
    need tesseract-ocr command_exists tesseract
    need tesseract-ocr-spa spanish_exists
    test "$purpose" = test || return 0
    need chromium-headless-shell browser_exists
    need dovecot-imapd test -x /usr/lib/dovecot/imap
    need postgresql postgresql_exists
    need swaks command_exists swaks
    need clamav-daemon command_exists clamd
    need poppler-utils command_exists pdftotext
}

install_missing() {
    echo "Installing:$missing"
    # A policy-rc.d that answers 101 keeps Debian from starting what it installs; ours goes away again.
    if [ ! -e /usr/sbin/policy-rc.d ]; then
        printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
        chmod +x /usr/sbin/policy-rc.d
        trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    fi
    apt-get update -qq
    # shellcheck disable=SC2086 # one word per package
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
}

find_missing
test -n "$missing" || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    install_missing || echo "apt-get did not get through." >&2
fi
tried=yes
find_missing
test -n "$missing" || exit 0
echo "Missing on this machine:$missing" >&2
echo "On Debian or Ubuntu: sudo apt-get install$missing" >&2
if [ "$purpose" = run ]; then
    echo "Going on without: PDF files may fail or look poor." >&2
    exit 0
fi
exit 1
