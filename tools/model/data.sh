#!/usr/bin/env bash
# Lays out the text that the project's own model was trained on, and what it was judged on: tools/model/data.sh [DIR]
# DIR gets train/ and heldout/, each with english/, chinese/ and code/, and SHA256SUMS of every file. Needs npm, node, tar, sha512sum; nothing is kept elsewhere.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-model-data}
[ ! -e "$out" ] || { echo "data.sh: $out exists; name a new directory" >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export LC_ALL=C

# name, version, SHA-512 of the archive as npm publishes it: such a version never changes.
while read -r name version sha512; do
    [ -n "$name" ] || continue
    (cd "$work" && npm pack --silent "$name@$version" >/dev/null) || { echo "data.sh: $name@$version cannot be fetched; is a registry reachable?" >&2; exit 2; }
    archive="$work/$(echo "${name#@}" | tr / -)-$version.tgz"
    echo "$sha512  $archive" | sha512sum --check --quiet --strict || { echo "data.sh: $name@$version is not what was trained on" >&2; exit 1; }
    mkdir -p "$work/packages/$name"
    tar -xzf "$archive" -C "$work/packages/$name" --strip-components=1
    rm "$archive"
done < "$here/packages.txt"

node "$here/layout.mjs" "$work/packages" "$work/data"
(cd "$work/data" && find train heldout -type f | sort | xargs sha256sum > SHA256SUMS)
mkdir -p "$(dirname "$out")"
mv "$work/data" "$out"
echo "$out: $(sha256sum < "$out/SHA256SUMS" | cut -d' ' -f1) is the SHA-256 of SHA256SUMS"
