/** The size of a picture from its first bytes, so that one that would fill the memory is refused before it is decoded. */

interface Size {
  readonly format: 'PNG' | 'JPEG' | 'WebP';
  readonly width: number;
  readonly height: number;
}

/** Segments of a JPEG that begin with its size: SOF0 to SOF15, without DHT, JPG and DAC. */
const isFrame = (marker: number): boolean => marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);

function jpeg(view: DataView): Size | undefined {
  for (let at = 2; at + 9 < view.byteLength; ) {
    if (view.getUint8(at) !== 0xff) return undefined;
    const marker = view.getUint8(at + 1);
    if (marker === 0xff) at++;
    else if (isFrame(marker)) return { format: 'JPEG', height: view.getUint16(at + 5), width: view.getUint16(at + 7) };
    else at += 2 + view.getUint16(at + 2);
  }
  return undefined;
}

function webp(view: DataView): Size | undefined {
  const kind = view.getUint8(15);
  const format = 'WebP';
  if (kind === 0x20)
    return { format, width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
  if (kind === 0x4c) {
    const bits = view.getUint32(21, true);
    return { format, width: 1 + (bits & 0x3fff), height: 1 + ((bits >> 14) & 0x3fff) };
  }
  if (kind !== 0x58) return undefined;
  const length = (at: number): number => 1 + view.getUint16(at, true) + 2 ** 16 * view.getUint8(at + 2);
  return { format, width: length(24), height: length(27) };
}

/** The size that the header says; undefined if the bytes are no PNG, JPEG or WebP. */
export function pictureSize(bytes: Uint8Array): Size | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 30) return undefined;
  const start = String.fromCharCode(...bytes.subarray(0, 12));
  if (start.startsWith('\x89PNG\r\n\x1a\n')) {
    return { format: 'PNG', width: view.getUint32(16), height: view.getUint32(20) };
  }
  if (start.startsWith('\xff\xd8\xff')) return jpeg(view);
  return start.startsWith('RIFF') && start.endsWith('WEBP') ? webp(view) : undefined;
}
