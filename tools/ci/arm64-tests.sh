#!/usr/bin/env bash
# Runs the library's tests as an Arm64 program under qemu: tools/ci/arm64-tests.sh --filter-class DeepSeek.Reference.Tests.Model.InvarianceTests
# Classes that start child processes of their own cannot run so.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
. "$(dirname "${BASH_SOURCE[0]}")/arm64-sysroot.sh"

dotnet publish "$root/tests/DeepSeek.Reference.Tests" -c Release -r linux-arm64 --self-contained --artifacts-path "$work/build" -o "$work/tests" -v q >&2
exec timeout "${ARM64_LIMIT:-900}" qemu-aarch64 -L "$work/sysroot" "$work/tests/DeepSeek.Reference.Tests" "$@"
