// Runs a WASI preview 1 command module in Node.js, Deno or Bun, like the command line of other hosts:
//   node node.mjs [--dir DIRECTORY]... MODULE [ARGUMENTS]
import { readFile } from 'node:fs/promises';
import process from 'node:process';
import { WASI } from 'node:wasi';

process.removeAllListeners('warning'); // "WASI is an experimental feature"
const words = process.argv.slice(2);
const preopens = {};
while (words[0]?.startsWith('--')) {
  const option = words.shift();
  if (option !== '--dir' || words.length === 0) {
    console.error(`node.mjs: unknown option or missing value: ${option}`);
    process.exit(2);
  }
  const directory = words.shift();
  preopens[directory] = directory;
}
if (words.length === 0) {
  console.error('usage: node node.mjs [--dir DIRECTORY]... MODULE [ARGUMENTS]');
  process.exit(2);
}
const wasi = new WASI({ version: 'preview1', args: words, preopens, returnOnExit: true });
// Bun's has no getImportObject.
const imports = wasi.getImportObject?.() ?? { wasi_snapshot_preview1: wasi.wasiImport };
const { instance } = await WebAssembly.instantiate(await readFile(words[0]), imports);
process.exitCode = wasi.start(instance);
