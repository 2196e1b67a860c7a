/**
 * Builds what runs in a browser: `npm run build` writes it, `npm run check` proves that what is committed is up to date.
 *
 *   embed/dist/v1.js                    the loader that partners paste
 *   widget_assets/dist/bridge.js        inlined in the page: the frame's side of the protocol
 *   widget_assets/dist/neutral.css      inlined in the page
 *   widget_assets/dist/list.<hash>.js   deferred: the list without reload
 *
 * What is served as a file lies there in brotli too, because compressing at this quality is too slow for a server.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';
import { build } from 'esbuild';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const FOLDERS = ['embed/dist', 'widget_assets/dist'];
const BROWSERS = ['chrome100', 'firefox102', 'safari15.4'];

/** @returns {Promise<string>} One source file with everything that it imports, small. */
const bundle = async (/** @type {string} */ source) => {
  const result = await build({
    absWorkingDir: ROOT,
    entryPoints: [source],
    bundle: true,
    write: false,
    minify: true,
    charset: 'utf8',
    format: 'iife',
    target: BROWSERS,
    legalComments: 'none',
    mangleProps: /^_/,
    tsconfigRaw: '{}', // that file is for checking only
    logLevel: 'warning',
  });
  return result.outputFiles[0].text;
};

const pack = (/** @type {string} */ text) =>
  brotliCompressSync(text, {
    params: {
      [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
      [constants.BROTLI_PARAM_QUALITY]: 11,
      [constants.BROTLI_PARAM_SIZE_HINT]: Buffer.byteLength(text),
    },
  });

/** @returns {Promise<Map<string, Buffer>>} Every built file by its path. */
const makeAll = async () => {
  const [loader, bridge, style, list] = await Promise.all(
    ['embed/src/loader.js', 'widget_assets/src/bridge.js', 'widget_assets/src/neutral.css', 'widget_assets/src/list.js'].map(
      bundle,
    ),
  );
  const hash = createHash('sha256').update(list).digest('hex').slice(0, 10);
  const files = new Map([
    ['widget_assets/dist/bridge.js', Buffer.from(bridge)],
    ['widget_assets/dist/neutral.css', Buffer.from(style)],
  ]);
  for (const [name, text] of [['embed/dist/v1.js', loader], [`widget_assets/dist/list.${hash}.js`, list]]) {
    files.set(name, Buffer.from(text));
    files.set(`${name}.br`, pack(text));
  }
  return files;
};

/** @returns {Promise<Map<string, Buffer>>} What lies in the built folders. */
const readAll = async () => {
  const files = new Map();
  for (const folder of FOLDERS) {
    for (const name of await readdir(path.join(ROOT, folder)).catch(() => [])) {
      files.set(`${folder}/${name}`, await readFile(path.join(ROOT, folder, name)));
    }
  }
  return files;
};

/** Another version of Node may compress the same text to other bytes: for a packed file what it unpacks to counts. */
const contents = (/** @type {string} */ name, /** @type {Buffer} */ bytes) =>
  name.endsWith('.br') ? brotliDecompressSync(bytes) : bytes;

const made = await makeAll();
const found = await readAll();

if (process.argv.includes('--check')) {
  const problems = [];
  for (const [name, bytes] of made) {
    const old = found.get(name);
    if (!old) problems.push(`${name} is missing`);
    else if (!contents(name, old).equals(contents(name, bytes))) problems.push(`${name} differs from its source`);
  }
  for (const name of found.keys()) if (!made.has(name)) problems.push(`${name} is made from nothing`);
  if (problems.length) {
    console.error(`${problems.join('\n')}\nType: make assets`);
    process.exit(1);
  }
} else {
  for (const name of found.keys()) if (!made.has(name)) await rm(path.join(ROOT, name));
  for (const folder of FOLDERS) await mkdir(path.join(ROOT, folder), { recursive: true });
  for (const [name, bytes] of made) await writeFile(path.join(ROOT, name), bytes);
}

for (const [name, bytes] of made) {
  if (!name.endsWith('.br')) console.log(`${name}  ${bytes.length} B, ${pack(bytes.toString()).length} B in brotli`);
}
