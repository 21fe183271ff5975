#!/usr/bin/env bash
# Runs dsref as an Arm64 program under qemu: tools/ci/arm64.sh verify --level quick
# Needs what install.sh installs. ARM64_LIMIT: seconds that dsref may take, 480 unless set.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
work="$root/artifacts/arm64"
mkdir -p "$work/packages"

command -v qemu-aarch64 >/dev/null || { echo "qemu-aarch64 is not installed; run tools/ci/install.sh" >&2; exit 5; }

# The C library and the C++ runtime that .NET's host is linked against, unpacked beside the tree; nothing of it is installed.
if [ ! -e "$work/sysroot/lib/ld-linux-aarch64.so.1" ]; then
  rm -rf "$work/sysroot" && mkdir -p "$work/sysroot"
  (cd "$work/packages" && apt-get download -qq -o APT::Sandbox::User=root libc6:arm64 libgcc-s1:arm64 libstdc++6:arm64 zlib1g:arm64)
  for package in "$work"/packages/*_arm64.deb; do
    dpkg-deb -x "$package" "$work/sysroot"
  done
fi

dotnet publish "$root/tools/dsref" -c Release -r linux-arm64 --self-contained --artifacts-path "$work/build" -o "$work/dsref" -v q >&2

started=$SECONDS
status=0
DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1 DOTNET_TieredPGO=0 \
  timeout "${ARM64_LIMIT:-480}" qemu-aarch64 -L "$work/sysroot" "$work/dsref/dsref" "$@" || status=$?
echo "dsref $* on Arm64 under qemu: exit $status after $((SECONDS - started)) s" >&2
exit "$status"
