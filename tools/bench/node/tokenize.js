// tokenize.js MODULES TOKENIZER.br CONFIG TEXTS SECONDS: tokens a second of @lenml/tokenizers on the texts of a JSON array; prints tokens of one pass and the best seconds of a pass.
'use strict';
const fs = require('fs');
const path = require('path');
const zlib = require('zlib');

const [modules, file, config, texts, seconds] = process.argv.slice(2);
const { TokenizerLoader } = require(require.resolve('@lenml/tokenizers', { paths: [path.resolve(modules)] }));
const tokenizer = TokenizerLoader.fromPreTrained({
  tokenizerJSON: JSON.parse(zlib.brotliDecompressSync(fs.readFileSync(file)).toString('utf8')),
  tokenizerConfig: JSON.parse(fs.readFileSync(config, 'utf8')),
});
const rows = JSON.parse(fs.readFileSync(texts, 'utf8'));

function pass() {
  let tokens = 0;
  for (const text of rows)
    tokens += tokenizer.encode(text, { add_special_tokens: false }).length;
  return tokens;
}

const tokens = pass();
let best = Infinity;
const end = performance.now() + 1000 * Number(seconds);
for (let round = 0; round < 3 || performance.now() < end; round++) {
  const start = performance.now();
  pass();
  best = Math.min(best, (performance.now() - start) / 1000);
}
process.stdout.write(`${tokens} ${best}\n`);
