#!/bin/sh
# sh debian-root.sh FOLDER PACKAGE…: a root file system of this machine's Debian with a shell and these packages, without running anything in it.
set -eu
root=$1
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/archives/partial" "$root"
: >"$work/status"
# An empty status file: apt fetches everything that they depend on, whatever is installed here.
fetch() {
  apt-get install -qq -y --no-install-recommends --download-only -o Dir::State::status="$work/status" -o Dir::Cache::archives="$work/archives" \
    -o APT::Sandbox::User=root base-files bash coreutils dash gawk grep libc-bin sed "$@" >"$work/log" 2>&1
}
fetch "$@" || { apt-get update -qq && fetch "$@"; } || { cat "$work/log" >&2; exit 1; }

for dir in bin sbin lib lib64; do
  mkdir -p "$root/usr/$dir"
  ln -s "usr/$dir" "$root/$dir"
done
for archive in "$work"/archives/*.deb; do
  case ${archive##*/} in
  # What only the packages' own scripts would run.
  perl* | lib*perl* | usrmerge_* | debconf_* | dpkg_* | init-system-helpers_* | tar_*) continue ;;
  esac
  dpkg-deb --fsys-tarfile "$archive" | tar -x --keep-directory-symlink -C "$root"
done
rm -rf "$root"/usr/share/doc "$root"/usr/share/man "$root"/usr/share/locale "$root"/usr/share/info "$root"/usr/share/i18n
ln -sf dash "$root/usr/bin/sh"
ln -sf gawk "$root/usr/bin/awk"
mkdir -p "$root/proc" "$root/sys" "$root/dev" "$root/tmp" "$root/root" "$root/run"
chmod 1777 "$root/tmp"
echo 'root:x:0:0:root:/root:/bin/bash' >"$root/etc/passwd"
echo 'root:x:0:' >"$root/etc/group"
