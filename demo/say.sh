# How the tour talks: show a command, run it, hold its output against what the walkthrough promises.
checks=0
failures=0
output=

title() {
  printf '\n== %s\n' "$*"
}

# show COMMAND: prints it as typed, runs it, prints and keeps what came out.
show() {
  printf '\n$ %s\n' "$*"
  if output=$(eval "$*" 2>&1); then :; else
    failures=$((failures + 1))
    printf '   FAILED: exit status not 0\n'
  fi
  [ -z "$output" ] || printf '%s\n' "$output"
}

# see TEXT…: each must stand in the last output, literally.
see() {
  for text; do
    checks=$((checks + 1))
    case $output in
      *"$text"*) printf '   ok: %s\n' "$text" ;;
      *) failures=$((failures + 1)); printf '   MISSING: %s\n' "$text" ;;
    esac
  done
}

# none TEXT…: none may stand in it.
none() {
  for text; do
    checks=$((checks + 1))
    case $output in
      *"$text"*) failures=$((failures + 1)); printf '   STILL THERE: %s\n' "$text" ;;
      *) printf '   ok: no %s\n' "$text" ;;
    esac
  done
}

summary() {
  if [ "$failures" -gt 0 ]; then
    printf '\nThe tour found %s problems in %s checks.\n' "$failures" "$checks"
    exit 1
  fi
  printf '\nThe tour is complete: both walkthroughs hold, four nodes are one network, %s checks passed.\n' "$checks"
}
