#!/usr/bin/env bash
# Puts a model beside xz on the same held-out files: tools/model/compare.sh DATA [dsref eval's options]
# DATA is what data.sh made. Prints, for each domain, bits a byte: the model's, xz -9e of each file alone, as the model sees them, and of all of them as one.
# Exit 1 if the model needs more than xz of each file in any domain.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
data=${1:?name the folder that tools/model/data.sh made}
shift
export LC_ALL=C
found=$(dotnet "$root/tools/dsref/bin/Release/net10.0/dsref.dll" eval --data "$data/heldout" --json "$@")
worst=0
echo "| domain | files | bytes | model | xz -9e, each file | xz -9e, all as one |"
echo "|---|---|---|---|---|---|"
for folder in "$data"/heldout/*/; do
    domain=$(basename "$folder")
    files=0 bytes=0 alone=0
    while read -r file; do
        files=$((files + 1)) bytes=$((bytes + $(wc -c < "$file"))) alone=$((alone + $(xz -9e --stdout "$file" | wc -c)))
    done < <(find "$folder" -type f | sort)
    whole=$(find "$folder" -type f | sort | xargs cat | xz -9e --stdout | wc -c)
    model=$(awk -v wanted="\"$domain\"," '/"name":/ { inside = $2 == wanted } inside && /"bits_per_byte":/ { print $2 + 0; exit }' <<< "$found")
    awk -v d="$domain" -v f=$files -v b=$bytes -v m="$model" -v a=$alone -v w=$whole 'BEGIN { printf "| %s | %d | %d | %.3f | %.3f | %.3f |\n", d, f, b, m, 8 * a / b, 8 * w / b; exit m == "" || m >= 8 * a / b }' || worst=1
done
exit $worst
