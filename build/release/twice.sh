#!/bin/sh
# Builds two releases from two copies of the committed tree, and compares them: `N passed, N failed` counts files.
set -eu
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0
failed=0
# Both before the first is built: the tree may go on meanwhile.
for copy in one another-folder; do git clone -q . "$work/$copy"; done
for copy in one another-folder; do
  make --no-print-directory -C "$work/$copy" release REGISTRY="${REGISTRY:-}"
done
for file in "$work/one/dist/release"/*; do
  if cmp "$file" "$work/another-folder/dist/release/${file##*/}"; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
  fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
