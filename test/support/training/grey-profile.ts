/** A profile of linear grey, and PNG files that carry one: no library here writes either. */
import { crc32, deflateSync } from 'node:zlib';

const D50 = [0.9642, 1, 0.8249];
const fixed = (values: readonly number[]) => {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) bytes.writeInt32BE(Math.round(value * 65_536), 4 * i);
  return bytes;
};

/** An ICC profile, version 2.1, of grey whose samples are proportional to light. */
export function linearGrey(): Buffer {
  const description = Buffer.alloc(100);
  description.write('desc\0\0\0\0\0\0\0\x05grey\0', 'latin1');
  const tags = [
    ['wtpt', Buffer.concat([Buffer.from('XYZ \0\0\0\0'), fixed(D50)])],
    ['kTRC', Buffer.from('curv\0\0\0\0\0\0\0\x01\x01\0\0\0', 'latin1')],
    ['cprt', Buffer.from('text\0\0\0\0none\0\0\0\0')],
    ['desc', description],
  ] as const;
  const table = Buffer.alloc(4 + 12 * tags.length);
  table.writeUInt32BE(tags.length);
  let end = 128 + table.length;
  for (const [i, [name, body]] of tags.entries()) {
    table.write(name, 4 + 12 * i);
    table.writeUInt32BE(end, 8 + 12 * i);
    table.writeUInt32BE(body.length, 12 + 12 * i);
    end += body.length;
  }
  const header = Buffer.alloc(128);
  header.writeUInt32BE(end);
  header.writeUInt32BE(0x02100000, 8);
  header.write('mntrGRAYXYZ ', 12);
  header.write('acsp', 36);
  fixed(D50).copy(header, 68);
  return Buffer.concat([header, table, ...tags.map(([, body]) => body)]);
}

/** The PNG file with the profile behind its header. */
export function withProfile(png: Uint8Array, profile: Uint8Array): Buffer {
  const chunk = Buffer.concat([Buffer.from('iCCPgrey\0\0', 'latin1'), deflateSync(profile)]);
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(chunk.length - 4);
  check.writeUInt32BE(crc32(chunk));
  // After the signature and IHDR.
  return Buffer.concat([png.subarray(0, 33), length, chunk, check, png.subarray(33)]);
}
