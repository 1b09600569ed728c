#!/bin/sh
# sh build/setup.sh PART…: what a make target needs on a Debian machine with git, make, Node 20, npm and gcc; does nothing where it is all there.
#   npm      node_modules, as package-lock.json has it
#   native   to build the static binary: a libc that links statically, and xz for the source of the engine
#   network  to drive and look at namespaces: ip, iptables, nft and sysctl as users do; ping; a DHCP server
#   faults   to stop a program at a system call: strace
#   bus      a message bus, for the tests of firewall with firewalld
#   clients  what runs containers with the plugins: containerd with runc, and busybox for an image of our own (30 MB to fetch)
#   podman   the same with podman in their place
#   cluster  what the cluster of namespaces wants besides them
#   docker   what Docker's engine and kind's node images are made with; the engine itself is not installed (e2e/kind/programs.sh)
#   chart    Helm comes in a zip
#   cross    to build the native program for the other architecture
#   lint     what actionlint hands the workflows' scripts to
#   registry to copy images from and to registries
set -eu
cd "$(dirname "$0")/.."
missing=

# A program, and the Debian package that brings it.
need() {
  command -v "$1" >/dev/null || [ -x "/usr/sbin/$1" ] || [ -x "/sbin/$1" ] || missing="$missing $2"
}

install_missing() {
  [ -n "$missing" ] || return 0
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "setup: these Debian packages are missing; install them as root: apt-get install$missing" >&2
    exit 1
  fi
  export DEBIAN_FRONTEND=noninteractive
  # The lists that are there may do; they are fetched only where they are absent or too old.
  # shellcheck disable=SC2086
  apt-get install -y -qq --no-install-recommends $missing >/dev/null 2>&1 ||
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing >/dev/null; }
}

install_modules() {
  stamp=node_modules/.package-lock.json
  [ -f "$stamp" ] && [ ! package-lock.json -nt "$stamp" ] && return 0
  npm ci --no-audit --no-fund --loglevel=error
  touch "$stamp"
}

for part in "$@"; do
  case $part in
  npm) ;;
  native)
    need musl-gcc musl-tools
    need xz xz-utils
    ;;
  network)
    need ip iproute2
    need iptables iptables
    need nft nftables
    need ping iputils-ping
    need sysctl procps
    need dnsmasq dnsmasq-base
    ;;
  faults)
    need strace strace
    ;;
  bus)
    need dbus-daemon dbus-daemon
    ;;
  clients)
    need containerd containerd
    need runc runc
    [ -x /bin/busybox ] && ! ldd /bin/busybox >/dev/null 2>&1 || missing="$missing busybox-static"
    ;;
  podman)
    need podman podman
    need conmon conmon
    ;;
  cluster)
    need openssl openssl
    need curl curl
    ;;
  docker)
    need debootstrap debootstrap
    need jq jq
    ls /usr/lib/*/libdevmapper.so.1.02.1 >/dev/null 2>&1 || missing="$missing libdevmapper1.02.1"
    ;;
  chart)
    need unzip unzip
    need openssl openssl
    ;;
  lint)
    need shellcheck shellcheck
    ;;
  registry)
    need skopeo skopeo
    ;;
  cross)
    case $(uname -m) in
    x86_64) need aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu ;;
    *) need x86_64-linux-gnu-gcc gcc-x86-64-linux-gnu ;;
    esac
    ;;
  *)
    echo "setup: no part $part" >&2
    exit 2
    ;;
  esac
done
install_missing
for part in "$@"; do
  [ "$part" != npm ] || install_modules
done
