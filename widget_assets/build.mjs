/**
 * Builds what runs in a browser: `npm run build` writes it, `npm run check` proves that what is committed is up to date,
 * `npm run release` keeps the loader for ever under the version of `embed/package/package.json`.
 *
 *   embed/dist/v1.js                    the loader that partners paste
 *   embed/package/index.js, *.d.ts      the same element as an npm package, with its types
 *   widget_assets/dist/bridge.js        inlined in the page: the frame's side of the protocol
 *   widget_assets/dist/neutral.css      inlined in the page
 *   widget_assets/dist/list.<hash>.js   loaded beside the page: the list without reload
 *   widget_assets/dist/configurator.<hash>.js, integrator.<hash>.css   the pages for integrators
 *   widget_assets/dist/map.<hash>.js, map.<hash>.css   loaded when a visitor asks for the map
 *
 *   embed/releases/<version>/embed.<hash>.js, embed/releases/manifest.json
 *                                       every loader that was ever released: partners' pages name them with their hash
 *
 * What is served as a file lies there in brotli too, because compressing at this quality is too slow for a server.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';
import { build } from 'esbuild';
import { PROTOCOL } from './src/protocol.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const FOLDERS = ['embed/dist', 'widget_assets/dist'];
const COPIED = ['types.d.ts', 'parameters.d.ts'];
const RELEASES = 'embed/releases';
const BROWSERS = ['chrome100', 'firefox102', 'safari15.4'];

/** @returns {Promise<string>} One source file with everything that it imports, small. */
const bundle = async (/** @type {string} */ source, /** @type {'iife' | 'esm'} */ format = 'iife', library = false) => {
  const result = await build({
    absWorkingDir: ROOT,
    entryPoints: [source],
    bundle: true,
    write: false,
    minify: true,
    charset: 'utf8',
    format,
    target: BROWSERS,
    legalComments: 'none',
    ...(library || { mangleProps: /^_/ }),
    external: ['*.png'], // pictures of Leaflet's own pins and controls, which the map does without
    alias: { leaflet: 'leaflet/dist/leaflet-src.esm.js' },
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

/** What names a file that never changes. */
const hashOf = (/** @type {string | Buffer} */ text) => createHash('sha256').update(text).digest('hex').slice(0, 10);

/** @returns {Promise<Map<string, Buffer>>} Every built file by its path. */
const makeAll = async () => {
  const [loader, bridge, style, list] = await Promise.all(
    ['embed/src/loader.js', 'widget_assets/src/bridge.js', 'widget_assets/src/neutral.css', 'widget_assets/src/list.js'].map(
      (source) => bundle(source),
    ),
  );
  const [configurator, integrator] = await Promise.all(
    ['widget_assets/src/configurator.js', 'widget_assets/src/integrator.css'].map((source) => bundle(source)),
  );
  const [map, mapStyle] = await Promise.all([bundle('widget_assets/src/map.js', 'esm', true), bundle('widget_assets/src/map.css')]);
  const hashed = (/** @type {string} */ name, /** @type {string} */ type, /** @type {string} */ text) =>
    `widget_assets/dist/${name}.${hashOf(text)}.${type}`;
  const files = new Map([
    ['widget_assets/dist/bridge.js', Buffer.from(bridge)],
    ['widget_assets/dist/neutral.css', Buffer.from(style)],
  ]);
  files.set('embed/package/index.js', Buffer.from(await bundle('embed/src/package.js', 'esm')));
  for (const name of COPIED) files.set(`embed/package/${name}`, await readFile(path.join(ROOT, 'embed', name)));
  for (const [name, text] of [
    ['embed/dist/v1.js', loader],
    [hashed('list', 'js', list), list],
    [hashed('configurator', 'js', configurator), configurator],
    [hashed('integrator', 'css', integrator), integrator],
    [hashed('map', 'js', map), map],
    [hashed('map', 'css', mapStyle), mapStyle],
  ]) {
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
  for (const name of ['index.js', ...COPIED]) {
    const bytes = await readFile(path.join(ROOT, 'embed/package', name)).catch(() => null);
    if (bytes) files.set(`embed/package/${name}`, bytes);
  }
  return files;
};

/** Another version of Node may compress the same text to other bytes: for a packed file what it unpacks to counts. */
const contents = (/** @type {string} */ name, /** @type {Buffer} */ bytes) =>
  name.endsWith('.br') ? brotliDecompressSync(bytes) : bytes;

/** @typedef {{version: string, file: string, integrity: string, protocol: string, date: string}} Release */

/** @returns {Promise<Release[]>} Newest first. */
const readReleases = async () => JSON.parse(await readFile(path.join(ROOT, RELEASES, 'manifest.json'), 'utf8'));

/** @returns {Promise<string>} The version under which the loader of this source is, or will be, released. */
const readVersion = async () => JSON.parse(await readFile(path.join(ROOT, 'embed/package/package.json'), 'utf8')).version;

const integrityOf = (/** @type {Buffer} */ bytes) => `sha384-${createHash('sha384').update(bytes).digest('base64')}`;

/** @returns {Promise<string[]>} What is wrong with the released loaders; they never change. */
const checkReleases = async (/** @type {Buffer} */ loader) => {
  const problems = [];
  const releases = await readReleases();
  for (const { file, integrity } of releases) {
    const bytes = await readFile(path.join(ROOT, RELEASES, file));
    const packed = await readFile(path.join(ROOT, RELEASES, `${file}.br`));
    if (integrityOf(bytes) != integrity) problems.push(`${RELEASES}/${file} is not what was released`);
    if (!brotliDecompressSync(packed).equals(bytes)) problems.push(`${RELEASES}/${file}.br holds something else`);
  }
  const version = await readVersion();
  const released = releases.find((release) => release.version == version);
  if (released && released.integrity != integrityOf(loader)) {
    problems.push(`the loader is not the one released as ${version}: give embed/package/package.json a new version`);
  }
  return problems;
};

/** Keep the loader under the version of the package. */
const release = async (/** @type {Buffer} */ loader) => {
  const version = await readVersion();
  const releases = await readReleases();
  if (releases.some((release) => release.version == version)) throw new Error(`${version} is released already`);
  const file = `${version}/embed.${hashOf(loader)}.js`;
  await mkdir(path.join(ROOT, RELEASES, version), { recursive: true });
  await writeFile(path.join(ROOT, RELEASES, file), loader);
  await writeFile(path.join(ROOT, RELEASES, `${file}.br`), pack(loader.toString()));
  const date = new Date().toISOString().slice(0, 10);
  releases.unshift({ version, file, integrity: integrityOf(loader), protocol: PROTOCOL, date });
  await writeFile(path.join(ROOT, RELEASES, 'manifest.json'), `${JSON.stringify(releases, null, 2)}\n`);
};

const made = await makeAll();
const found = await readAll();
const loader = /** @type {Buffer} */ (made.get('embed/dist/v1.js'));

if (process.argv.includes('--check')) {
  const problems = await checkReleases(loader);
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
  if (process.argv.includes('--release')) await release(loader);
}

for (const [name, bytes] of made) {
  if (!name.endsWith('.br')) console.log(`${name}  ${bytes.length} B, ${pack(bytes.toString()).length} B in brotli`);
}
