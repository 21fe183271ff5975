#!/usr/bin/env bash
# Installs the Debian packages that tests/External needs and that are not there yet. The README's two commands need none of them.
set -euo pipefail
packages=(qemu-user python3 python3-numpy python3-pytest python3-torch python3-venv gcc g++ clang-19 libc6-dev zlib1g-dev xz-utils chromium)
# A node that is there already, from wherever, will do.
command -v npm >/dev/null || packages+=(nodejs npm)

missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done

as_root=()
[ "$(id -u)" = 0 ] || as_root=(sudo)
export DEBIAN_FRONTEND=noninteractive
if [ "$(dpkg --print-architecture)" != arm64 ] && ! dpkg --print-foreign-architectures | grep -qx arm64; then
  "${as_root[@]}" dpkg --add-architecture arm64
fi
"${as_root[@]}" apt-get update -q
if [ "${#missing[@]}" -gt 0 ]; then
  "${as_root[@]}" apt-get install -y -q --no-install-recommends "${missing[@]}"
fi
