#!/usr/bin/env bash
# Runs dsref as an Arm64 program under qemu: tools/ci/arm64.sh verify --level quick
# Needs what install.sh installs. ARM64_LIMIT: seconds that dsref may take, 480 unless set.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
work="$root/artifacts/arm64"
mkdir -p "$work/packages"

command -v qemu-aarch64 >/dev/null || { echo "qemu-aarch64 is not installed; run tools/ci/install.sh" >&2; exit 5; }

# What .NET is linked against (C and C++ runtimes) or loads for SHA-256 (OpenSSL), unpacked beside the tree; nothing of it is installed.
libraries=(libc6:arm64 libgcc-s1:arm64 libstdc++6:arm64 zlib1g:arm64 libssl3:arm64)
if [ "$(cat "$work/sysroot/of" 2>/dev/null)" != "${libraries[*]}" ]; then
  rm -rf "$work/sysroot" && mkdir -p "$work/sysroot"
  (cd "$work/packages" && rm -f ./*.deb && apt-get download -qq -o APT::Sandbox::User=root "${libraries[@]}")
  for package in "$work"/packages/*_arm64.deb; do
    dpkg-deb -x "$package" "$work/sysroot"
  done
  echo "${libraries[*]}" >"$work/sysroot/of"
fi

dotnet publish "$root/tools/dsref" -c Release -r linux-arm64 --self-contained --artifacts-path "$work/build" -o "$work/dsref" -v q >&2

# Write-xor-execute maps compiled code twice and writes through the other mapping, which qemu's translation does not see: it then runs stale code and crashes.
started=$SECONDS
status=0
DOTNET_EnableWriteXorExecute=0 DOTNET_TieredPGO=0 DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1 \
  timeout "${ARM64_LIMIT:-480}" qemu-aarch64 -L "$work/sysroot" "$work/dsref/dsref" "$@" || status=$?
echo "dsref $* on Arm64 under qemu: exit $status after $((SECONDS - started)) s" >&2
exit "$status"
