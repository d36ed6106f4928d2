/**
 * Where fontconfig, which finds the fonts for sharp's text, keeps its cache: glean writes nothing to the user's home.
 */
import { rmSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const SYSTEM = '/etc/fonts/fonts.conf';

/**
 * Gives fontconfig the system's fonts with a cache of this process in the temporary folder; call it before the first
 * text is drawn. Without it, fontconfig writes to the first cache folder that it may write to: the machine's, then the
 * user's. If the user has a configuration of their own, it is left alone.
 */
export async function useTemporaryFontCache(): Promise<void> {
  if (process.env['FONTCONFIG_FILE']) return;
  const folder = await mkdtemp(join(tmpdir(), 'glean-fonts-'));
  const file = join(folder, 'fonts.conf');
  const include = `<include ignore_missing="yes">${SYSTEM}</include>`;
  await writeFile(file, `<?xml version="1.0"?>\n<fontconfig><cachedir>${folder}</cachedir>${include}</fontconfig>\n`);
  process.env['FONTCONFIG_FILE'] = file;
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
}
