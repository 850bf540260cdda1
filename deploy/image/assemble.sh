#!/bin/sh
# Assembles the files of the container image in an empty directory, from a checkout in which `npm ci && npm run build`
# has run: the built gateway and what it needs to run, without compilers, type declarations and source maps.
#
# Usage: deploy/image/assemble.sh TARGET
set -eu

source=$(cd "$(dirname "$0")/../.." && pwd)
target=$1
app=$target/app
if [ -e "$target" ] && [ -n "$(ls -A "$target")" ]; then
  echo "$target is not empty" >&2
  exit 1
fi
mkdir -p "$app" "$target/data"
chmod 700 "$target/data"
cp -R "$source/dist" "$source/schema" "$source/package.json" "$source/package-lock.json" "$source/LICENSE" "$app"
cd "$app"
npm ci --omit=dev --no-audit --no-fund

# The configuration files of graphile-worker could be TypeScript, so it brings a compiler. The gateway has none.
rm -rf node_modules/typescript node_modules/@typescript
# The sources of this package are for debuggers.
rm -rf node_modules/openai/src
rm -rf node_modules/.bin node_modules/@types
find node_modules dist -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' -o -name '*.tsbuildinfo' \) -delete
find node_modules -type f -iname '*.md' ! -iname 'licen[cs]e*' -delete
find node_modules -type d -empty -delete
