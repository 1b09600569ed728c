#!/bin/sh
# Lints .github/workflows by actionlint; what steps run by ShellCheck too, where that is installed. Exits 3 where there is no Go to build actionlint with.
set -eu
cd "$(dirname "$0")/.."
actionlint=$(sh build/go-program.sh actionlint)
"$actionlint" .github/workflows/*.yml
