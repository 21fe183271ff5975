# Sourced by the scripts of this folder: where the tree is, and how the SDK should behave in a script.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_SKIP_FIRST_TIME_EXPERIENCE=1 MSBUILDDISABLENODEREUSE=1
export DOTNET_CLI_HOME="${DOTNET_CLI_HOME:-${HOME:-/tmp}}"
export NO_COLOR=1 TERM="${TERM:-dumb}"
