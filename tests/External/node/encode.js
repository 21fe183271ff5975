// encode.js MODULES TOKENIZER TEXTS: prints, for each text of a JSON array, its ids by Hugging Face's Rust library and by its JavaScript library, and the Rust library's decoding of them.
'use strict';
const fs = require('fs');
const path = require('path');

const [modules, file, texts] = process.argv.slice(2);
const load = (name) => require(require.resolve(name, { paths: [path.resolve(modules)] }));

async function main() {
  const rust = load('tokenizers').Tokenizer.fromFile(file);
  const { Tokenizer } = load('@huggingface/tokenizers');
  const script = new Tokenizer(JSON.parse(fs.readFileSync(file, 'utf8')), {});
  const rows = [];
  for (const text of JSON.parse(fs.readFileSync(texts, 'utf8'))) {
    const ids = (await rust.encode(text, null, { addSpecialTokens: false })).getIds();
    const scripted = script.encode(text, { add_special_tokens: false }).ids;
    rows.push({ rust: ids, script: Array.from(scripted, Number), decoded: await rust.decode(ids, false) });
  }
  process.stdout.write(JSON.stringify(rows));
}

main().catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
