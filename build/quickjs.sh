#!/bin/sh
# Builds the pinned QuickJS once: qjsc for this machine, the engine as a musl archive for the target, optimised by a profile (docs/decisions/0003). Prints the folder that holds both.
# The source is Debian trixie's package, fetched with the machine's own sources (suite changed where it is older) and checked by sha256.
#   CC=musl-gcc   the target's compiler
set -eu
version=2025.04.26
sha256=ec81da5b3249ed648dbc7df4a1654988910e66a118d9b71cb63534216efcfbbe
CC=${CC:-musl-gcc}
here=$(cd "$(dirname "$0")" && pwd)
out=${XDG_CACHE_HOME:-$HOME/.cache}/podwire/quickjs-$version-$(cat "$here/quickjs.sh" "$here/train.js" | sha256sum | cut -c1-8)-$(basename "$CC")-$(uname -m)
if [ -f "$out/libquickjs.a" ]; then
  echo "$out"
  exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# deb822 stanzas and one-line entries of this machine's sources; the first that names a Debian archive gives the mirror.
trixie_sources() {
  for file in /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list.d/*.sources; do
    [ -f "$file" ] || continue
    awk -v RS= '/URIs:/ && /Components:.*main/ && !/security/ {
      gsub(/Types:[^\n]*/, "Types: deb-src"); gsub(/Suites:[^\n]*/, "Suites: trixie"); print; exit }' "$file" >"$work/trixie.sources"
    [ -s "$work/trixie.sources" ] && return
  done
  awk '$1 == "deb" && !/security/ { for (i = 2; i <= NF; i++) if ($i ~ /:\//) { print "deb-src", $i, "trixie main"; exit } }' \
    /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null >"$work/trixie.list"
}

fetch() {
  trixie_sources
  set -- "$work"/trixie.*
  mkdir -p "$work/lists/partial"
  options="-o Dir::Etc::sourcelist=$1 -o Dir::Etc::sourceparts=/dev/null -o Dir::State::Lists=$work/lists -o APT::Sandbox::User=root"
  # shellcheck disable=SC2086
  (cd "$work" && apt-get $options -o Acquire::Check-Valid-Until=false update -qq && apt-get $options source -qq --download-only quickjs=$version-1) >&2
  echo "$sha256  $work/quickjs_$version.orig.tar.xz" | sha256sum --check --quiet >&2
  tar -xJf "$work/quickjs_$version.orig.tar.xz" -C "$work"
}

engine='quickjs dtoa libregexp libunicode cutils'
defines="-D_GNU_SOURCE -DCONFIG_VERSION=\"$version\" -fwrapv -w -fno-asynchronous-unwind-tables"

# archive OUT FLAG…: the engine for the target, every file at once. No unwind tables: nothing here unwinds.
archive() {
  out_archive=$1
  shift
  pids=
  for file in $engine; do
    # shellcheck disable=SC2086
    $CC -c -O2 -ffunction-sections -fdata-sections $defines "$@" -o "$file.o" "$file.c" &
    pids="$pids $!"
  done
  for pid in $pids; do wait "$pid"; done
  rm -f "$out_archive"
  # shellcheck disable=SC2046
  ar rcs "$out_archive" $(printf '%s.o ' $engine)
}

# The profile is of build/train.js, run where addresses are not random, so that the same sources give the same engine.
# What the training does not reach is made small: a third of the engine.
train() {
  archive trained.a -fprofile-generate -fprofile-update=single
  cp "$here/train.js" train.js
  ./qjsc -e -o train.c train.js
  # Debian 13's libgcov.a was compiled for glibc, where this is what strtol is called; musl has no such name.
  echo 'long strtol(const char *, char **, int); long __isoc23_strtol(const char *s, char **e, int b) { return strtol(s, e, b); }' >>train.c
  # shellcheck disable=SC2086
  $CC -static -no-pie $defines -o train train.c quickjs-libc.c trained.a -lm -lgcov
  setarch "$(uname -m)" -R ./train
}

compile() {
  cd "$work/quickjs-$version"
  # shellcheck disable=SC2086
  cc -O1 $defines -o qjsc qjsc.c quickjs-libc.c quickjs.c dtoa.c libregexp.c libunicode.c cutils.c -lm -ldl -lpthread
  # Where the target's programs do not run here, the engine does without a profile.
  if (train) >&2; then
    archive libquickjs.a -fprofile-use
  else
    echo 'quickjs: no profile; the engine is built without one' >&2
    archive libquickjs.a
  fi
}

fetch
(compile)
# Complete or absent: a build that was interrupted must not be taken for a cached one.
mkdir -p "$(dirname "$out")" "$work/done"
cp "$work/quickjs-$version/qjsc" "$work/quickjs-$version/libquickjs.a" "$work/quickjs-$version/quickjs.h" "$work/done"
rm -rf "$out.new.$$"
cp -r "$work/done" "$out.new.$$"
mv -T "$out.new.$$" "$out" 2>/dev/null || rm -rf "$out.new.$$"
echo "$out"
