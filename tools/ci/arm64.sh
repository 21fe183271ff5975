#!/usr/bin/env bash
# Runs dsref as an Arm64 program under qemu: tools/ci/arm64.sh verify --level quick
# Needs what install.sh installs. ARM64_LIMIT: seconds that dsref may take, 480 unless set.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
. "$(dirname "${BASH_SOURCE[0]}")/arm64-sysroot.sh"

dotnet publish "$root/tools/dsref" -c Release -r linux-arm64 --self-contained --artifacts-path "$work/build" -o "$work/dsref" -v q >&2

started=$SECONDS
status=0
timeout "${ARM64_LIMIT:-480}" qemu-aarch64 -L "$work/sysroot" "$work/dsref/dsref" "$@" || status=$?
echo "dsref $* on Arm64 under qemu: exit $status after $((SECONDS - started)) s" >&2
exit "$status"
