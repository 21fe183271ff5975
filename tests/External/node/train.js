// train.js MODULES TOKENIZER TEXT: trains the tokenizer of that form on a text with Hugging Face's Rust library, and prints the merges.
'use strict';
const fs = require('fs');
const path = require('path');

const [modules, form, text] = process.argv.slice(2);
const { Tokenizer } = require(require.resolve('tokenizers', { paths: [path.resolve(modules)] }));
const empty = JSON.parse(fs.readFileSync(form, 'utf8'));
empty.added_tokens = [];
empty.model.vocab = {};
empty.model.merges = [];
const file = `${form}.empty.json`;
fs.writeFileSync(file, JSON.stringify(empty));
const tokenizer = Tokenizer.fromFile(file);
tokenizer.train([text]);
tokenizer.save(file, false);
process.stdout.write(JSON.stringify(JSON.parse(fs.readFileSync(file, 'utf8')).model.merges));
