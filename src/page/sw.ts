/**
 * The service worker: keeps the page's code so that it opens without a network. It handles neither large files
 * (worker/content.ts keeps them under their SHA-256) nor headers: a kept answer has those that the host gave.
 */

/** Inserted by the build: every file of the page except the large ones, and a digest of them all. */
declare const __GLEAN_ASSETS__: { readonly version: string; readonly files: readonly string[] };

interface ExtendableEvent extends Event {
  waitUntil(promise: Promise<unknown>): void;
}
interface FetchEvent extends ExtendableEvent {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}
// TypeScript's DOM types do not know a worker's scope.
const scope = globalThis as unknown as {
  readonly registration: { readonly scope: string };
  readonly clients: { claim(): Promise<void> };
  skipWaiting(): Promise<void>;
  addEventListener(type: 'install' | 'activate', listener: (event: ExtendableEvent) => void): void;
  addEventListener(type: 'fetch', listener: (event: FetchEvent) => void): void;
};

const { version, files } = __GLEAN_ASSETS__;
const PREFIX = 'glean-page-';
const CACHE = PREFIX + version;
const KEPT = new Set(files.map((file) => new URL(file, scope.registration.scope).href));

async function install(): Promise<void> {
  const cache = await caches.open(CACHE);
  // The files come from the host, because the browser's own cache may hold another build.
  await cache.addAll([...KEPT].map((url) => new Request(url, { cache: 'no-cache' })));
  await scope.skipWaiting();
}

async function activate(): Promise<void> {
  const names = await caches.keys();
  await Promise.all(
    names.filter((name) => name.startsWith(PREFIX) && name !== CACHE).map((name) => caches.delete(name)),
  );
  await scope.clients.claim();
}

/**
 * The document comes from the host while there is one, so that a new build is seen at once; everything else comes from
 * the cache.
 */
async function answer(request: Request): Promise<Response> {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(request, { ignoreSearch: true });
  if (request.mode !== 'navigate' && kept !== undefined) return kept;
  try {
    return await fetch(request);
  } catch (error) {
    if (kept !== undefined) return kept;
    throw error;
  }
}

scope.addEventListener('install', (event) => event.waitUntil(install()));
scope.addEventListener('activate', (event) => event.waitUntil(activate()));
scope.addEventListener('fetch', (event) => {
  const url = new URL(event.request.url);
  url.search = '';
  url.hash = '';
  if (event.request.method === 'GET' && KEPT.has(url.href)) event.respondWith(answer(event.request));
});
