# Sourced: sets $work and unpacks the Arm64 libraries that .NET needs beneath it, to run Arm64 programs with qemu-aarch64 -L "$work/sysroot".
# Needs what install.sh installs.
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

# Write-xor-execute maps compiled code twice and writes through the other mapping, which qemu's translation does not see: it then runs stale code and crashes.
export DOTNET_EnableWriteXorExecute=0 DOTNET_TieredPGO=0 DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1
