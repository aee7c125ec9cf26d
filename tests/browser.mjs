// The page in web/, in Chromium: programs frozen in the tab and continued by `yado`, the other way round,
// and what the page says to what it cannot use.
//
//     node tests/browser.mjs [--screenshots FOLDER]
//
// Needs build/yado, build/yadokari-bulk.wasm, build/guests and what scripts/setup.sh --only web installs.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
const cache = process.env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache');
const tools = process.env.YADO_TOOLS || path.join(cache, 'yadokari/tools');
const { chromium } = createRequire(path.join(tools, 'web/'))('playwright-core');

const yado = path.join(root, 'build/yado');
const guest = (name) => path.join(root, 'build/guests', name);
const here = mkdtempSync(path.join(os.tmpdir(), 'yado-browser-'));
const pictures = process.argv[2] === '--screenshots' ? process.argv[3] : null;
const CHECKPOINTED = 85;
const PATIENCE = 20_000;

let passed = 0;
let failed = 0;

function check(good, what, detail = '') {
  if (good) passed += 1;
  else failed += 1;
  if (!good) console.log(`FAILED ${what}: ${String(detail).slice(-600)}`);
}

function run(command, ...words) {
  const { status, stdout, stderr } = spawnSync(yado, [command, ...words], { cwd: here, encoding: 'utf8' });
  return { status, stdout, stderr };
}

// ---- the server and the page

function serve(folder) {
  const server = spawn('node', [path.join(root, 'web/serve.mjs'), folder, '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return new Promise((resolve, reject) => {
    server.stdout.once('data', (line) => resolve({ server, url: String(line).trim() }));
    server.once('exit', () => reject(new Error('the server ended')));
  });
}

async function open(browser, url, before = async () => {}) {
  const tab = await browser.newPage({ viewport: { width: 900, height: 900 } });
  tab.setDefaultTimeout(PATIENCE);
  await before(tab);
  tab.on('pageerror', (error) => check(false, 'an error in the page', error));
  await tab.goto(url);
  return tab;
}

const text = (tab, id) => tab.locator(`#${id}`).textContent();
const says = (tab, id, words) => tab.locator(`#${id}`, { hasText: words }).waitFor();
const picture = async (tab, name) => {
  if (pictures) await tab.screenshot({ path: path.join(pictures, `${name}.png`), fullPage: true });
};

async function choose(tab, file, words) {
  await tab.setInputFiles('#program', file);
  await tab.locator('#status, #error', { hasText: path.basename(file) }).waitFor();
  if (words.length > 0) await tab.fill('#arguments', words.join('\n'));
}

async function download(tab, name) {
  const [file] = await Promise.all([tab.waitForEvent('download'), tab.click('#download')]);
  await file.saveAs(path.join(here, name));
}

// Starts, waits until `words` were printed, freezes, saves the snapshot; what was printed.
async function freezeAfter(tab, words, name) {
  await tab.click('#start');
  await says(tab, 'output', words);
  await picture(tab, 'running');
  await tab.click('#freeze');
  await says(tab, 'status', 'Frozen');
  await picture(tab, 'frozen');
  await download(tab, name);
  return text(tab, 'output');
}

// ---- the tests

const SQLITE = ['sqlite_bench.wasm', '8000', ':memory:'];

async function tabToTerminal(tab, { whole }) {
  await picture(tab, 'before');
  await choose(tab, guest(SQLITE[0]), SQLITE.slice(1));
  const before = await freezeAfter(tab, 'fill sequential', 'tab.snap');
  check(before.length < whole.length, 'frozen in the middle', before);
  check(run('inspect', 'tab.snap').stdout.includes('note: host = browser'), 'the snapshot names its host');
  const { status, stdout, stderr } = run('restore', '--dir', '.', 'tab.snap');
  check(status === 0 && before + stdout === whole, 'SQLite: tab -> terminal', before + stdout + stderr);
  // And on in the same tab.
  await tab.click('#start');
  await says(tab, 'status', 'Finished');
  check(before + await text(tab, 'output') === whole, 'SQLite: tab -> the same tab', await text(tab, 'output'));
}

async function terminalToTab(tab, { whole, fuel }) {
  const first = run('run', '--dir', '.', '--embed-module', '--checkpoint-after', String(Math.round(fuel * 0.4)),
    '--snapshot', 'terminal.snap', ...SQLITE);
  check(first.status === CHECKPOINTED, 'a snapshot in the terminal', first.stderr);
  await choose(tab, path.join(here, 'terminal.snap'), []);
  await says(tab, 'status', 'terminal.snap: a snapshot');
  check((await text(tab, 'about-text')).includes('frames:'), 'what is in the snapshot');
  await tab.click('#start');
  await says(tab, 'status', 'Finished');
  await picture(tab, 'continued');
  const output = await text(tab, 'output');
  check(first.stdout + output === whole, 'SQLite: terminal -> tab', first.stdout + output);
}

// A snapshot without its module, and files that travel in it.
async function files(tab) {
  const whole = run('run', '--dir', '.', 'files.wasm', '200');
  writeFileSync(path.join(here, 'note.txt'), 'a note\n');
  await choose(tab, guest('cat.wasm'), ['note.txt']);
  await tab.setInputFiles('#files', path.join(here, 'note.txt'));
  await tab.click('#start');
  await says(tab, 'status', 'Finished');
  check(await text(tab, 'output') === 'a note\n', 'a file given to a program', await text(tab, 'output'));
  await tab.setInputFiles('#files', []);

  mkdirSync(path.join(here, 'work'));
  copyFileSync(guest('files.wasm'), path.join(here, 'files.wasm'));
  const first = run('run', '--dir', 'work::.', '--files', 'embed', '--embed', '.', '--checkpoint-after', '20000',
    '--snapshot', 'files.snap', 'files.wasm', '200');
  check(first.status === CHECKPOINTED, 'files.wasm frozen', first.stderr);
  await choose(tab, path.join(here, 'files.snap'), []);
  await tab.locator('#module-field').waitFor();
  await picture(tab, 'module');
  check(await tab.isDisabled('#start'), 'no module, no start');
  await tab.setInputFiles('#module', guest('fib.wasm'));
  await tab.click('#start');
  await says(tab, 'error', 'another module');
  await tab.setInputFiles('#module', guest('files.wasm'));
  await tab.click('#start');
  await says(tab, 'status', 'Finished');
  const output = first.stdout + await text(tab, 'output');
  check(output === whole.stdout, 'files: terminal -> tab', output);
}

async function sleeping(tab) {
  await choose(tab, guest('sleep.wasm'), ['1', '100000']);
  await tab.click('#start');
  await says(tab, 'status', 'Running');
  await tab.waitForTimeout(300);
  await tab.click('#freeze');
  await says(tab, 'status', 'Frozen');
  check(true, 'a sleeping program is frozen');
}

async function stopping(tab) {
  await choose(tab, guest('fib.wasm'), ['45']);
  await tab.click('#start');
  await says(tab, 'status', 'Running');
  await tab.click('#stop');
  await says(tab, 'status', 'Stopped');
  check(await tab.isEnabled('#start'), 'stopped, and ready again');
}

// A module whose _start has this body, with nothing but proc_exit imported.
function program(body) {
  return Buffer.from([...Buffer.from('\0asm\x01\0\0\0\x01\x08\x02\x60\x01\x7f\0\x60\0\0', 'latin1'),
    ...[2, 36, 1, 22], ...Buffer.from('wasi_snapshot_preview1'), 9, ...Buffer.from('proc_exit'), 0, 0,
    ...[3, 2, 1, 1], ...[7, 10, 1, 6], ...Buffer.from('_start'), 0, 1,
    ...[10, body.length + 4, 1, body.length + 2, 0], ...body, 0x0b]);
}

async function ends(tab) {
  const runs = async (name, body) => {
    writeFileSync(path.join(here, name), program(body));
    await choose(tab, path.join(here, name), []);
    await tab.click('#start');
  };
  await runs('exits.wasm', [0x41, 7, 0x10, 0]);
  await says(tab, 'status', 'exit code 7');
  await runs('traps.wasm', [0]);
  await says(tab, 'status', 'trapped');
  check((await text(tab, 'error')).includes('unreachable'), 'the reason of a trap', await text(tab, 'error'));
  await choose(tab, guest('cat.wasm'), []);
  await tab.fill('#arguments', '');
  await tab.click('#input-field summary');
  await tab.fill('#input', 'a line\n');
  await tab.click('#start');
  await says(tab, 'status', 'Finished');
  check((await text(tab, 'output')).includes('a line'), 'standard input', await text(tab, 'output'));
  await tab.fill('#input', '');
}

async function errors(tab) {
  const refuses = async (name, bytes, words) => {
    writeFileSync(path.join(here, name), bytes);
    await choose(tab, path.join(here, name), []);
    if (await tab.isEnabled('#start')) await tab.click('#start');
    const good = await says(tab, 'error', words).then(() => true, () => false);
    check(good, `the page refuses ${name}`, await text(tab, 'error'));
  };
  const snapshot = readFileSync(path.join(here, 'terminal.snap'));
  await refuses('notes.txt', 'some text', 'neither a WebAssembly program');
  await picture(tab, 'error');
  await tab.emulateMedia({ colorScheme: 'dark' });
  await tab.setViewportSize({ width: 400, height: 800 });
  await picture(tab, 'dark');
  await refuses('empty.wasm', '', 'neither');
  await refuses('half.snap', snapshot.subarray(0, snapshot.length / 2), 'half.snap');
  snapshot[snapshot.length / 2 | 0] ^= 4;
  await refuses('changed.snap', snapshot, 'changed.snap');
  await refuses('broken.wasm', readFileSync(guest('fib.wasm')).subarray(0, 3000), 'broken.wasm');
  await refuses('component.wasm', Buffer.from('\0asm\x0d\0\x01\0', 'latin1'), 'component');
}

async function lacking(browser, url) {
  const tab = await open(browser, url, (page) => page.addInitScript(() => {
    delete globalThis.SharedArrayBuffer;
  }));
  await says(tab, 'error', 'shared memory');
  check(await tab.isDisabled('#program'), 'a browser that lacks something is told so');
  await tab.close();
}

async function main() {
  if (pictures) mkdirSync(pictures, { recursive: true });
  execFileSync(path.join(root, 'scripts/build-web.sh'));
  for (const name of [SQLITE[0], 'cat.wasm', 'files.wasm']) copyFileSync(guest(name), path.join(here, name));
  const { stdout: whole, stderr } = run('run', '--dir', '.', '--show-fuel', ...SQLITE);
  const undisturbed = { whole, fuel: Number(stderr.match(/fuel: (\d+)/)[1]) };
  const { server, url } = await serve(path.join(root, 'build/web'));
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
    headless: true,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync',
      '--disable-background-networking', '--disable-component-update'],
  });
  try {
    const tab = await open(browser, url);
    await says(tab, 'status', 'Choose');
    for (const test of [tabToTerminal, terminalToTab, files, sleeping, stopping, ends, errors]) {
      const begun = Date.now();
      await test(tab, undisturbed).catch((error) => check(false, test.name, error.message));
      console.log(`${test.name}: ${Date.now() - begun} ms`);
    }
    await lacking(browser, url).catch((error) => check(false, 'lacking', error.message));
  } finally {
    await browser.close();
    server.kill();
    rmSync(here, { recursive: true });
  }
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed ? 1 : 0;
}

await main();
