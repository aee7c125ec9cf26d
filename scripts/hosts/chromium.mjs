#!/usr/bin/env node
// Runs a WASI preview 1 command module in a tab of headless Chromium, like the command line of other hosts:
//   chromium.mjs [--dir DIRECTORY]... MODULE [ARGUMENTS]
//   chromium.mjs --version
// The tab asks this program for files when it first needs them, and gives back what has changed when the module
// ends (chromium-tab.mjs): so a module does not see what changes meanwhile. Standard input is empty.
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const cache = process.env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache');
const tools = process.env.YADO_TOOLS || path.join(cache, 'yadokari/tools');
const shim = path.join(tools, 'web/node_modules/@bjorn3/browser_wasi_shim/dist');
const program = process.env.CHROMIUM || '/usr/bin/chromium';

const words = process.argv.slice(2);
if (words[0] === '--version') {
  process.stdout.write(execFileSync(program, ['--version'], { stdio: ['ignore', 'pipe', 'ignore'] }));
  process.exit(0);
}
const directories = [];
while (words[0] === '--dir' && words.length > 1) directories.push(words.splice(0, 2)[1]);
if (words.length === 0 || words[0].startsWith('--')) {
  console.error('usage: chromium.mjs [--dir DIRECTORY]... MODULE [ARGUMENTS]');
  process.exit(2);
}

// ---- what the tab asks for; nobody else knows the first part of the address

const key = randomBytes(16).toString('hex');
const PAGE = Buffer.from('<!doctype html><title>a module</title>');

function inDirectories(name) {
  const below = (directory) => name === directory || name.startsWith(`${directory.replace(/\/$/, '')}/`);
  if (name !== path.normalize(name) || !directories.some(below)) throw new Error(`${name} was not given`);
  return name;
}

function entriesOf(directory) {
  return fs.readdirSync(directory).flatMap((name) => {
    const about = fs.statSync(path.join(directory, name), { throwIfNoEntry: false });
    if (about?.isDirectory()) return [{ name }];
    return about?.isFile() ? [{ name, size: about.size }] : [];
  });
}

const ANSWERS = {
  page: () => PAGE,
  tab: () => fs.readFileSync(path.join(here, 'chromium-tab.mjs')),
  shim: (name) => fs.readFileSync(path.join(shim, path.basename(name))),
  module: () => fs.readFileSync(words[0]),
  list: (name) => JSON.stringify(entriesOf(inDirectories(name))),
  read: (name) => fs.readFileSync(inDirectories(name)),
  write: (name, bytes) => fs.writeFileSync(inDirectories(name), bytes),
  mkdir: (name) => fs.mkdirSync(inDirectories(name), { recursive: true }),
  remove: (name) => fs.rmSync(inDirectories(name), { recursive: true, force: true }),
};
const TYPES = { page: 'text/html', tab: 'text/javascript', shim: 'text/javascript' };

async function serve(request, response) {
  const [, given, what, ...rest] = request.url.split('/');
  const parts = [];
  for await (const part of request) parts.push(part);
  let status = 200;
  let body;
  try {
    if (given !== key || !ANSWERS[what]) throw new Error('no such address');
    body = ANSWERS[what](decodeURIComponent(rest.join('/')), Buffer.concat(parts));
  } catch (error) {
    status = 404;
    body = error.message;
  }
  response.writeHead(status, {
    'Content-Type': TYPES[what] ?? 'application/octet-stream',
    'Cross-Origin-Opener-Policy': 'same-origin', // for a SharedArrayBuffer, which is slept on
    'Cross-Origin-Embedder-Policy': 'require-corp',
  }).end(body);
}

// ---- the tab

// In the page: one worker, whose messages come in their order.
function runInWorker(data) {
  return new Promise((resolve) => {
    const worker = new Worker(data.tab, { type: 'module' });
    let before = Promise.resolve();
    worker.onmessage = ({ data: message }) => {
      before = before.then(() => (message.stream ? window.write(message.stream, message.bytes) : resolve(message)));
    };
    worker.onerror = (event) => resolve({ failure: event.message });
    worker.postMessage(data);
  });
}

async function main() {
  const { chromium } = createRequire(path.join(tools, 'web/'))('playwright-core');
  const server = http.createServer(serve).listen(0, '127.0.0.1');
  await new Promise((resolve) => { server.once('listening', resolve); });
  const root = `http://127.0.0.1:${server.address().port}/${key}`;
  const browser = await chromium.launch({
    executablePath: program,
    headless: true,
    env: { ...process.env, GSETTINGS_BACKEND: 'memory' }, // the other one leaves a file in $XDG_RUNTIME_DIR
    args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
  });
  const page = await browser.newPage();
  await page.exposeFunction('write', (stream, bytes) => fs.writeSync(stream, Buffer.from(bytes, 'latin1')));
  await page.goto(`${root}/page`);
  const { code, failure } = await page.evaluate(runInWorker, { tab: `${root}/tab`, root, words, directories });
  await browser.close();
  if (failure) console.error(`chromium: ${failure}`);
  process.exit(failure ? 70 : code);
}

await main();
