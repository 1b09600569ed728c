#!/bin/sh
# The site, into dist/docs: static files for the root of any web server. VitePress is installed in this directory, for `make docs` alone.
set -eu
cd "$(dirname "$0")/../.."
node=$(echo "$PWD"/node_modules/node-linux-*/bin/node)
stamp=build/site/node_modules/.package-lock.json
if [ ! -f "$stamp" ] || [ build/site/package-lock.json -nt "$stamp" ]; then
  npm ci --prefix build/site --no-audit --no-fund --loglevel=error
  touch "$stamp"
fi
"$node" build/site/stage.ts dist/docs-pages
"$node" build/site/node_modules/vitepress/bin/vitepress.js build build/site
echo "dist/docs: $(find dist/docs -name '*.html' | wc -l) pages; look at them with: python3 -m http.server --directory dist/docs"
