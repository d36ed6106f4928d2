/** What axe-core says of a page. */
import axe, { type AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';

/** The rules that are broken, and where. */
export async function violations(page: Page): Promise<string[]> {
  // Evaluated as a debugger would: the page's own policy allows no script but its own.
  await page.evaluate(axe.source);
  const { violations: found } = await page.evaluate(() =>
    (globalThis as unknown as { axe: { run(): Promise<AxeResults> } }).axe.run(),
  );
  return found.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html).join(' | ')}`);
}
