/** Which files are images, by name and by first bytes, and whether the installed sharp reads their format. */
import { extname } from 'node:path';
import sharp from 'sharp';

/** This many first bytes suffice to recognise every format below. */
export const HEAD_BYTES = 512;

/** What sharp decodes from bytes, as the endings it names: `.jpg`, `.avif`, … */
const READ: ReadonlySet<string> = new Set(
  Object.values(sharp.format).flatMap(({ input }) => (input.buffer ? (input.fileSuffix ?? []) : [])),
);

interface Format {
  readonly name: string;
  /** The first is the one that sharp names. */
  readonly endings: readonly string[];
  /** Whether a file begins like this format; the head is Latin-1. Absent if other formats begin the same way. */
  readonly begins?: (head: string) => boolean;
}

const startsWith =
  (...magic: string[]) =>
  (head: string) =>
    magic.some((start) => head.startsWith(start));

/** The four-letter brands of an ISO base media file: `ftyp`, the major brand, a version, then the compatible ones. */
function brands(head: string): string[] {
  if (head.slice(4, 8) !== 'ftyp') return [];
  const length = (head.charCodeAt(2) << 8) | head.charCodeAt(3);
  return head.slice(8, Math.max(12, length)).match(/.{4}/gs) ?? [];
}

const isAvif = (head: string) => brands(head).some((brand) => /^avi[fs]$/.test(brand));

/** The raw files of Canon, Fujifilm, Olympus and Panasonic. */
const RAW = startsWith('II*\0\x10\0\0\0CR', 'FUJIFILMCCD-RAW', 'IIRO', 'IIU\0');

/** The formats in which photographs, drawings and scans are kept; SVG is recognised by its name alone. */
const FORMATS: readonly Format[] = [
  { name: 'JPEG', endings: ['.jpg', '.jpeg', '.jpe', '.jfif'], begins: startsWith('\xff\xd8\xff') },
  { name: 'PNG', endings: ['.png', '.apng'], begins: startsWith('\x89PNG\r\n\x1a\n') },
  { name: 'WebP', endings: ['.webp'], begins: (head) => head.startsWith('RIFF') && head.slice(8, 12) === 'WEBP' },
  { name: 'GIF', endings: ['.gif'], begins: startsWith('GIF87a', 'GIF89a') },
  { name: 'SVG', endings: ['.svg', '.svgz'] },
  { name: 'AVIF', endings: ['.avif'], begins: isAvif },
  {
    name: 'HEIC',
    endings: ['.heic', '.heif', '.hif'],
    begins: (head) => !isAvif(head) && brands(head).some((brand) => /^he[iv][cxms]$/.test(brand)),
  },
  { name: 'JPEG XL', endings: ['.jxl'], begins: startsWith('\xff\x0a', '\0\0\0\x0cJXL \r\n\x87\n') },
  {
    name: 'JPEG 2000',
    endings: ['.jp2', '.j2k', '.jpf', '.jpx', '.jpm', '.j2c'],
    begins: startsWith('\0\0\0\x0cjP  \r\n\x87\n', '\xff\x4f\xff\x51'),
  },
  { name: 'JPEG XR', endings: ['.jxr', '.wdp', '.hdp'], begins: startsWith('II\xbc') },
  // The four reserved bytes after the size are zero.
  {
    name: 'BMP',
    endings: ['.bmp', '.dib'],
    begins: (head) => head.startsWith('BM') && head.slice(6, 10) === '\0\0\0\0',
  },
  { name: 'ICO', endings: ['.ico'], begins: startsWith('\0\0\x01\0') },
  {
    name: 'PNM',
    endings: ['.ppm', '.pgm', '.pbm', '.pnm', '.pam', '.pfm'],
    begins: (head) => /^P[1-7Ff]\s/.test(head),
  },
  { name: 'Photoshop', endings: ['.psd', '.psb'], begins: startsWith('8BPS') },
  { name: 'GIMP', endings: ['.xcf'], begins: startsWith('gimp xcf') },
  { name: 'OpenEXR', endings: ['.exr'], begins: startsWith('\x76\x2f\x31\x01') },
  { name: 'Radiance', endings: ['.hdr'], begins: startsWith('#?RADIANCE', '#?RGBE') },
  { name: 'DirectDraw', endings: ['.dds'], begins: startsWith('DDS ') },
  { name: 'DICOM', endings: ['.dcm', '.dicom'], begins: (head) => head.slice(128, 132) === 'DICM' },
  { name: 'FITS', endings: ['.fits', '.fit', '.fts'], begins: startsWith('SIMPLE  =') },
  { name: 'Targa', endings: ['.tga'] },
  { name: 'PCX', endings: ['.pcx'] },
  // The raw files of many cameras are TIFFs whose first picture is a thumbnail.
  {
    name: 'camera raw',
    endings: '.dng .cr2 .cr3 .crw .nef .nrw .arw .srf .sr2 .orf .rw2 .raf .pef .srw .3fr .erf .kdc .mrw .x3f'.split(
      ' ',
    ),
    begins: (head) => RAW(head) || brands(head).includes('crx '),
  },
  { name: 'TIFF', endings: ['.tif', '.tiff'], begins: startsWith('II*\0', 'MM\0*', 'II+\0', 'MM\0+') },
];

const isRead = ({ endings }: Format) => endings.some((ending) => READ.has(ending));

/** The format that the ending of a name stands for, in either case; undefined if it is not an image's. */
function formatOfName(name: string): Format | undefined {
  const ending = extname(name).toLowerCase();
  return FORMATS.find(({ endings }) => endings.includes(ending));
}

function formatOfBytes(bytes: Uint8Array): Format | undefined {
  const head = Buffer.from(bytes.subarray(0, HEAD_BYTES)).toString('latin1');
  return FORMATS.find(({ begins }) => begins?.(head) === true);
}

/** Names of files that often lie beside images, so that they need not be opened. */
const NO_IMAGE = /\.(txt|csv|tsv|jsonl?|xml|md|html?|pdf|db|ini|lnk|url|ya?ml|mat|np[yz]|pkl|log)$/i;

/**
 * Whether a file is an image, judging by the ending of its name; the format need not be one that is read. Undefined if
 * the name does not tell.
 */
export function isImageName(name: string): boolean | undefined {
  if (formatOfName(name) !== undefined || [...READ].some((ending) => name.toLowerCase().endsWith(ending))) return true;
  return NO_IMAGE.test(name) ? false : undefined;
}

/** Whether a file begins like an image of a known format, whether that format is read or not. */
export function isImageHead(bytes: Uint8Array): boolean {
  return formatOfBytes(bytes) !== undefined;
}

/**
 * The format of an image that is not read here (`HEIC`), by its first bytes, or by its name if other formats begin with
 * the same bytes (camera raw); undefined for an image that is read and for anything else.
 */
export function unreadFormat(name: string, bytes: Uint8Array): string | undefined {
  const [named, found] = [formatOfName(name), formatOfBytes(bytes)];
  const format = found === undefined || (found.name === 'TIFF' && named?.name === 'camera raw') ? named : found;
  return format === undefined || isRead(format) ? undefined : format.name;
}
