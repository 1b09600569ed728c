#!/bin/sh
# runc for machines without CAP_SYS_RESOURCE, where "unable to apply caps: operation not permitted" is all that `docker run --privileged` says:
# takes the capability out of the container's bundle and of each `docker exec`, and leaves OOM scores as they are.
set -eu
bundle='' process='' before=''
for argument in "$@"; do
  case $before in
  --bundle | -b) bundle=$argument ;;
  --process | -p) process=$argument ;;
  esac
  before=$argument
done

limit() {
  jq -c 'walk(if type == "array" then map(select(. != "CAP_SYS_RESOURCE")) else . end) | del(.process.oomScoreAdj?)' "$1" >"$1.limited"
  mv "$1.limited" "$1"
}
[ ! -f "$bundle/config.json" ] || limit "$bundle/config.json"
[ ! -f "$process" ] || limit "$process"
exec runc "$@"
