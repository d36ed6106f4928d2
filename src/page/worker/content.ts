/**
 * Fetches the page's large files once: they are kept in the Cache API under their SHA-256 and hashed again whenever
 * they are read.
 */

export interface ContentFile {
  /** Relative to the page. */
  readonly path: string;
  readonly sha256: string;
  readonly bytes: number;
}

export interface ModelContent {
  readonly id: string;
  readonly title: string;
  readonly file: ContentFile;
  /** The text of `model.onnx.sig` and the PEM of the key that must have signed it, if the build had them. */
  readonly signature?: string;
  readonly publicKey?: string;
}

/** What the build found. It is part of the code, so that nothing has to be fetched to know what to fetch. */
export interface Content {
  readonly wasm: ContentFile;
  readonly digits: ContentFile;
  /** The two models of the digits. */
  readonly models: readonly ModelContent[];
  /** Further models that the page offers to look at. */
  readonly examples: readonly ModelContent[];
}

/** Every file that the build added. */
export function filesOf({ wasm, digits, models, examples }: Content): readonly ContentFile[] {
  return [wasm, digits, ...[...models, ...examples].map(({ file }) => file)];
}

const CACHE = 'glean-content';

export type Origin = 'cache' | 'network';

async function sha256(bytes: BufferSource): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Private windows and full disks refuse a cache; then every visit fetches everything anew. */
async function openCache(): Promise<Cache | undefined> {
  return globalThis.caches?.open(CACHE).catch(() => undefined);
}

/**
 * The bytes with this SHA-256.
 *
 * @throws Error if the host gives none, or others
 */
export async function fetchContent(
  { path, sha256: expected }: ContentFile,
  base: string,
): Promise<{ readonly bytes: Uint8Array<ArrayBuffer>; readonly origin: Origin }> {
  const cache = await openCache();
  const key = new URL(`sha256/${expected}`, base).href;
  const kept = await cache?.match(key);
  if (kept !== undefined) {
    const bytes = new Uint8Array(await kept.arrayBuffer());
    if ((await sha256(bytes)) === expected) return { bytes, origin: 'cache' };
    await cache?.delete(key);
  }
  const url = new URL(path, base).href;
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: the host answers ${response.status} ${response.statusText}`);
  const bytes = new Uint8Array(await response.arrayBuffer());
  const found = await sha256(bytes);
  if (found !== expected) throw new Error(`${url}: its SHA-256 is ${found}, expected ${expected}`);
  await cache?.put(key, new Response(bytes, { headers: { 'content-length': String(bytes.length) } })).catch(() => {});
  return { bytes, origin: 'network' };
}

/** Unpacks gzip. */
export async function unpack(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
