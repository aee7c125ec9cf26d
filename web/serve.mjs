// Serves a folder on this machine only, with the headers without which a browser gives a page no shared
// memory:    node web/serve.mjs [FOLDER [PORT]]     (build/web, 8765; port 0: any)
import { createReadStream } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const [folder = path.join(here, '../build/web'), port = '8765'] = process.argv.slice(2);

const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.wasm': 'application/wasm',
};
const HEADERS = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cache-Control': 'no-cache',
};

// The file that is meant, or null: nothing outside the folder, not even by a link.
async function find(root, url) {
  try {
    const wanted = decodeURIComponent(new URL(url, 'http://localhost').pathname);
    const file = await realpath(path.join(root, wanted.endsWith('/') ? `${wanted}index.html` : wanted));
    return file.startsWith(root + path.sep) && (await stat(file)).isFile() ? file : null;
  } catch {
    return null;
  }
}

let root;
try {
  root = await realpath(folder);
} catch (error) {
  console.error(`serve.mjs: ${folder}: ${error.code === 'ENOENT' ? 'no such folder (make web makes build/web)' : error.message}`);
  process.exit(1);
}
const server = createServer(async (request, response) => {
  const file = ['GET', 'HEAD'].includes(request.method) ? await find(root, request.url) : null;
  if (!file) {
    response.writeHead(404, { ...HEADERS, 'Content-Type': 'text/plain' }).end('not found\n');
    return;
  }
  const type = TYPES[path.extname(file)] ?? 'application/octet-stream';
  response.writeHead(200, { ...HEADERS, 'Content-Type': type });
  if (request.method === 'HEAD') response.end();
  else createReadStream(file).on('error', () => response.destroy()).pipe(response);
});
server.on('error', (error) => {
  console.error(`serve.mjs: port ${port}: ${error.message}`);
  process.exit(1);
});
server.listen(Number(port), '127.0.0.1', () => {
  console.log(`http://localhost:${server.address().port}/`);
});
