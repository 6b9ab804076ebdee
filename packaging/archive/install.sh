#!/bin/sh
# Installs Server Scout from this archive, after it has checked every file of it.
set -eu
here=$(cd "$(dirname "$0")" && pwd)

help() {
    cat <<TEXT
usage: ./install.sh agent [--url URL (--code CODE | --code-file FILE | --code -)] [--ca-file FILE]
       ./install.sh dashboard
       ./install.sh verify
       ./install.sh uninstall agent|dashboard [--purge]

agent      installs the agent; with a code it enrols and starts it, too
dashboard  installs the dashboard and makes its master key
verify     checks every file against SHA256SUMS and installs nothing
uninstall  removes what was installed; with --purge also settings, keys and data

SHA256SUMS shows that the archive is whole, not whose it is. For that, check the signature of the archive itself
before you unpack it, with the key that the project publishes apart from the archive:
  sha256sum --check SHA256SUMS.release && gpg --verify SHA256SUMS.release.asc
TEXT
}

fail() {
    printf 'install.sh: %s\n' "$*" >&2
    exit 1
}

# Every file is as listed, and every file is listed.
verify() (
    cd "$here"
    [ -f SHA256SUMS ] || fail 'SHA256SUMS is missing; unpack the archive anew'
    sha256sum --check --quiet --strict SHA256SUMS || fail 'the archive is damaged or was changed; nothing was installed'
    listed=$(cut -c67- SHA256SUMS | LC_ALL=C sort)
    present=$(find . -type f ! -path ./SHA256SUMS | cut -c3- | LC_ALL=C sort)
    [ "$listed" = "$present" ] || fail 'the archive holds files that SHA256SUMS does not list; nothing was installed'
    [ -z "$(find . -type l)" ] || fail 'the archive holds links; nothing was installed'
)

need_root() {
    [ "$(id -u)" = 0 ] || fail 'run it as root'
    [ -d /run/systemd/system ] || fail 'this system does not run systemd; start the program as the README says'
}

# A package manager's files are not ours to change.
refuse_beside_package() {
    if command -v dpkg-query >/dev/null && dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'ok installed'; then
        fail "the package $1 is installed; upgrade or remove it with apt"
    fi
}

# Copies a tree; settings that are there stay.
copy() {
    (cd "$here/$1" && find . -type f) | while read -r file; do
        target=/${file#./}
        mode=644
        case $target in
            /etc/*) [ ! -e "$target" ] || continue ;;
            /usr/bin/*) mode=755 ;;
        esac
        # Beside it and then in its place: a program that runs is not written over.
        mkdir -p "$(dirname "$target")"
        install -m "$mode" "$here/$1/$file" "$target.new"
        mv -f "$target.new" "$target"
    done
}

remove() {
    (cd "$here/$1" && find . -type f) | while read -r file; do
        target=/${file#./}
        case $target in
            /etc/*) [ "$2" = --purge ] || continue ;;
        esac
        rm -f "$target"
    done
}

install_agent() {
    url='' code='' code_file='' ca_file=''
    while [ $# -gt 0 ]; do
        [ $# -gt 1 ] || fail "$1 needs a value"
        case $1 in
            --url) url=$2 ;;
            --code) code=$2 ;;
            --code-file) code_file=$2 ;;
            --ca-file) ca_file=$2 ;;
            *) fail "there is no option $1" ;;
        esac
        shift 2
    done
    [ -z "$code" ] || [ -z "$code_file" ] || fail 'give --code or --code-file, not both'
    [ -z "$code$code_file" ] || [ -n "$url" ] || fail 'a code needs --url, the dashboard that made it'
    need_root
    refuse_beside_package server-scout-agent
    verify
    copy agent
    systemd-sysusers server-scout-agent.conf
    systemd-tmpfiles --create server-scout-agent.conf
    systemctl daemon-reload
    if [ -n "$code$code_file" ]; then
        set -- --url "$url"
        # A code on a command line is seen by everybody on the host; standard input hands it on.
        [ -z "$code_file" ] || set -- "$@" --code-file "$code_file"
        [ -z "$ca_file" ] || set -- "$@" --ca-file "$ca_file"
        case $code in
            '') server-scout-agent enrol "$@" ;;
            -) server-scout-agent enrol "$@" --code - ;;
            *) printf '%s\n' "$code" | server-scout-agent enrol "$@" --code - ;;
        esac
        systemctl --quiet enable server-scout-agent.service
        systemctl restart server-scout-agent.service
        echo 'the agent is installed, enrolled and running'
        return
    fi
    systemctl try-restart server-scout-agent.service
    cat <<TEXT
the agent is installed. Two steps are left, unless it is enrolled already:
  1. server-scout-agent enrol --url https://DASHBOARD:8443 --code -    (paste the code of "Add a server")
  2. systemctl enable --now server-scout-agent.service
TEXT
}

install_dashboard() {
    need_root
    refuse_beside_package server-scout
    verify
    copy dashboard
    systemd-sysusers server-scout.conf
    systemd-tmpfiles --create server-scout.conf
    key=/etc/server-scout/master-key
    if [ ! -e "$key" ]; then
        (umask 077 && server-scout master-key new >"$key.new")
        mv "$key.new" "$key"
    fi
    systemctl daemon-reload
    systemctl try-restart server-scout.service
    cat <<TEXT
the dashboard is installed. Two steps are left, unless it runs already:
  1. set public_url in /etc/server-scout/server-scout.toml, then
     systemctl enable --now server-scout.socket server-scout.service
  2. runuser -u server-scout -- server-scout user add --config /etc/server-scout/server-scout.toml \\
       --email YOU@EXAMPLE.ORG --organisation NAME    (reads the password from standard input)
Keep a copy of $key where the backups of /var/lib/server-scout do not go.
TEXT
}

uninstall() {
    part=${1:-} purge=${2:-}
    case $part in
        agent) name=server-scout-agent units=server-scout-agent.service ;;
        dashboard) name=server-scout units='server-scout.socket server-scout.service server-scout-notify.service' ;;
        *) fail 'say what to uninstall: agent or dashboard' ;;
    esac
    case $purge in
        '' | --purge) ;;
        *) fail "there is no option $purge" ;;
    esac
    need_root
    refuse_beside_package "$name"
    # shellcheck disable=SC2086 # a list of units
    systemctl --quiet disable --now $units 2>/dev/null || true
    remove "$part" "$purge"
    rmdir "/usr/lib/systemd/system/$name.service.d" 2>/dev/null || true
    if [ "$purge" = --purge ]; then
        rm -rf "/var/lib/$name" "/etc/$name" "/etc/systemd/system/$name.service.d" \
            "/etc/systemd/system/$name.socket.d" "/etc/systemd/system/$name-notify.service.d"
    fi
    systemctl daemon-reload
    echo "$name is removed"
}

case ${1:-} in
    agent)
        shift
        install_agent "$@"
        ;;
    dashboard)
        [ $# = 1 ] || fail 'dashboard takes no option'
        install_dashboard
        ;;
    verify)
        verify
        echo 'every file is as listed'
        ;;
    uninstall)
        shift
        uninstall "$@"
        ;;
    help | --help | -h)
        help
        ;;
    *)
        help >&2
        exit 1
        ;;
esac
