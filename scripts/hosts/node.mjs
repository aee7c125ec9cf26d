// Runs a WASI preview 1 command module in Node.js, like the command line of other hosts:
//   node node.mjs [--dir DIRECTORY]... MODULE [ARGUMENTS]
import { readFile } from 'node:fs/promises';
import { WASI } from 'node:wasi';

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
const { instance } = await WebAssembly.instantiate(await readFile(words[0]), wasi.getImportObject());
process.exitCode = wasi.start(instance);
