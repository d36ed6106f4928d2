/** A static host for the built page, as plain as any, with the cross-origin isolation headers or without. */
import { readFile, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize, sep } from 'node:path';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.webmanifest': 'application/manifest+json',
};
const ISOLATION = { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' };

export interface StaticServer {
  /** With a closing slash. */
  readonly url: string;
  /** Paths asked for, in order, since the start. */
  readonly requests: readonly string[];
  close(): Promise<void>;
}

/** Serves `folder` under `/under/` on a free port of 127.0.0.1. */
export async function serveFolder(
  folder: string,
  { isolated = false, under = 'some/folder' }: { readonly isolated?: boolean; readonly under?: string } = {},
): Promise<StaticServer> {
  const requests: string[] = [];
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://host');
    requests.push(pathname);
    const inside = pathname.startsWith(`/${under}/`) ? decodeURIComponent(pathname.slice(under.length + 2)) : undefined;
    const wanted = inside === undefined ? undefined : normalize(join(folder, inside === '' ? 'index.html' : inside));
    const found = wanted?.startsWith(folder + sep) === true && (await stat(wanted).catch(() => undefined))?.isFile();
    if (wanted === undefined || found !== true) {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('not found');
      return;
    }
    const headers = {
      'content-type': TYPES[extname(wanted)] ?? 'application/octet-stream',
      'cache-control': 'no-cache',
    };
    response.writeHead(200, { ...headers, ...(isolated ? ISOLATION : {}) }).end(await readFile(wanted));
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/${under}/`,
    requests,
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
}
