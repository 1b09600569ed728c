#!/bin/sh
# Prints the path of Debian's Prometheus, fetched but not installed: its package would start it.
set -eu
if command -v prometheus; then exit 0; fi
out=${XDG_CACHE_HOME:-$HOME/.cache}/podwire/prometheus
if [ ! -d "$out" ]; then
  mkdir -p "$(dirname "$out")"
  work=$(mktemp -d "$out.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  # apt's own user fetches, and has to reach the folder.
  chmod 755 "$work"
  (cd "$work" && { apt-get download -qq prometheus || { apt-get update -qq && apt-get download -qq prometheus; }; }) >&2
  dpkg-deb -x "$work"/prometheus_*.deb "$work/root"
  mv -T "$work/root" "$out" 2>/dev/null || [ -d "$out" ]
fi
echo "$out/usr/bin/prometheus"
