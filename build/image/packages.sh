#!/bin/sh
# sh build/image/packages.sh ARCH PACKAGE…: Debian trixie's packages for ARCH (amd64, arm64), unpacked each into a folder of its name. Prints the folder that holds them.
# They come by the machine's own sources with the suite changed, security updates included, and apt checks their signatures. What was fetched once is kept:
# remove the folder to fetch what is newest.
set -eu
suite=trixie
arch=$1
shift
out=${XDG_CACHE_HOME:-$HOME/.cache}/podwire/debian-$suite-$arch-$(printf '%s ' "$@" | sha256sum | cut -c1-8)
if [ -d "$out" ]; then
  echo "$out"
  exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/etc" "$work/state/lists/partial" "$work/cache/archives/partial" "$work/debs" "$work/out"

# Only Debian's own suites: those that are named by this release's codename. Stanzas first, one-line entries below.
codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
for file in /etc/apt/sources.list.d/*.sources; do
  [ -f "$file" ] || continue
  awk -v RS= -F '\n' -v from="$codename" -v to="$suite" '
    { ours = 0; for (i = 1; i <= NF; i++) if ($i ~ "^Suites:[ \t]*" from "(-updates|-security)?([ \t]|$)") ours = 1 }
    !ours { next }
    { for (i = 1; i <= NF; i++) {
        if ($i ~ /^#/) continue
        if ($i ~ /^Suites:/) gsub(from, to, $i)
        if ($i ~ /^Types:/) $i = "Types: deb"
        print $i
      }
      print "" }' "$file" >>"$work/etc/debian.sources"
done
cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
  sed -n "s/^\(deb [^#]*\) $codename\(-updates\|-security\|\) \(.*\)/\1 $suite\2 \3/p" >"$work/debian.list"
[ ! -s "$work/debian.list" ] || mv "$work/debian.list" "$work/etc/debian.list"

options="-o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts=$work/etc -o Dir::State=$work/state -o Dir::State::status=/dev/null -o Dir::Cache=$work/cache
  -o APT::Architecture=$arch -o APT::Architectures=$arch -o APT::Sandbox::User=root -o Acquire::Languages=none"
# shellcheck disable=SC2086
(cd "$work/debs" && apt-get $options update -qq && apt-get $options download -qq "$@") >&2
for deb in "$work"/debs/*.deb; do
  name=$(dpkg-deb --field "$deb" Package)
  dpkg-deb --extract "$deb" "$work/out/$name"
  dpkg-deb --field "$deb" >"$work/out/$name.control"
done
# Complete or absent.
mkdir -p "$(dirname "$out")"
rm -rf "$out.new.$$"
cp -a "$work/out" "$out.new.$$"
mv -T "$out.new.$$" "$out" 2>/dev/null || rm -rf "$out.new.$$"
echo "$out"
