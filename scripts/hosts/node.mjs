// Runs a WASI preview 1 command module in Node.js, Deno or Bun, like the command line of other hosts:
//   node node.mjs [--dir DIRECTORY]... MODULE [ARGUMENTS]
import { readFile } from 'node:fs/promises';
import process from 'node:process';
import { isatty } from 'node:tty';
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
// To Deno and Bun every standard stream is a terminal: a program then writes line by line.
const UNKNOWN = 0, CHARACTER_DEVICE = 2;
const functions = { ...imports.wasi_snapshot_preview1 };
const { fd_fdstat_get } = functions;
functions.fd_fdstat_get = (fd, address) => {
  const errno = fd_fdstat_get(fd, address);
  const filetype = new Uint8Array(instance.exports.memory.buffer, address, 1);
  if (errno === 0 && fd <= 2 && filetype[0] === CHARACTER_DEVICE && !isatty(fd)) filetype[0] = UNKNOWN;
  return errno;
};
const { instance } = await WebAssembly.instantiate(await readFile(words[0]), { wasi_snapshot_preview1: functions });
process.exitCode = wasi.start(instance);
