/** What a browser needs to install the page: a manifest, and the icon in the sizes that it asks for. */
import { readFile } from 'node:fs/promises';
import sharp from 'sharp';

const ICON = new URL('../icon.svg', import.meta.url);
const SIZES = [192, 512] as const;
const BLUE = '#0b5fa5';
/** The part of a maskable icon that a system surely shows. */
const SAFE = 0.72;

async function plainIcon(size: number): Promise<Buffer> {
  return sharp(await readFile(ICON), { density: (72 * size) / 32 })
    .resize(size, size)
    .png()
    .toBuffer();
}

/** The icon on a ground that reaches to the edges, for systems that cut icons to a shape of their own. */
async function maskableIcon(size: number): Promise<Buffer> {
  const inner = await plainIcon(Math.round(size * SAFE));
  return sharp({ create: { width: size, height: size, channels: 3, background: BLUE } })
    .composite([{ input: inner }])
    .png()
    .toBuffer();
}

/** The files by path, relative to the page. */
export async function installedFiles(): Promise<ReadonlyMap<string, string | Uint8Array>> {
  const files = new Map<string, string | Uint8Array>();
  for (const size of SIZES) files.set(`icon-${size}.png`, await plainIcon(size));
  files.set('icon-maskable.png', await maskableIcon(512));
  const icon = (src: string, size: number, purpose: string) => ({
    src,
    sizes: `${size}x${size}`,
    type: 'image/png',
    purpose,
  });
  const manifest = {
    name: 'glean: certified prediction on your device',
    short_name: 'glean',
    description: 'A label with a certified radius, proven and computed on your device.',
    start_url: './index.html',
    scope: './',
    display: 'standalone',
    background_color: '#f4f5f7',
    theme_color: BLUE,
    icons: [...SIZES.map((size) => icon(`icon-${size}.png`, size, 'any')), icon('icon-maskable.png', 512, 'maskable')],
    shortcuts: [{ name: 'Inspect a model', url: './inspect.html' }],
  };
  files.set('manifest.webmanifest', JSON.stringify(manifest));
  return files;
}
