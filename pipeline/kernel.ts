/** Compiles the runtime's WebAssembly, run/kernel.wat, into run/kernel.ts: `node --import tsx pipeline/kernel.ts`. */
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import wabt from 'wabt';

const source = new URL('../src/certify-runtime/run/kernel.wat', import.meta.url);
const target = new URL('../src/certify-runtime/run/kernel.ts', import.meta.url);

/** The module's bytes as base64. */
export async function compileKernel(): Promise<string> {
  const { parseWat } = await wabt();
  const module = parseWat('kernel.wat', await readFile(source, 'utf8'), { simd: true });
  module.validate();
  const { buffer } = module.toBinary({});
  module.destroy();
  return Buffer.from(buffer).toString('base64');
}

/** The source of the file that holds them. */
export function kernelModule(base64: string): string {
  return `/** kernel.wat, compiled by pipeline/kernel.ts. */\nexport const KERNEL =\n  '${base64}';\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await writeFile(target, kernelModule(await compileKernel()));
}
