/** What the views have in common: the head and the navigation, put into each HTML file when the page is built. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { withCommonParts } from '../../../src/page/build/views.ts';

const VIEWS = ['index.html', 'faces.html', 'inspect.html'];
const PLACES = '<head>\n  <!-- head -->\n</head>\n<!-- views -->\n';

const built = async (file: string): Promise<string> =>
  withCommonParts(await readFile(new URL(`../../../src/page/${file}`, import.meta.url), 'utf8'), file);

/** What the page's policy says of a kind of request. */
const policyOf = (html: string, directive: string): string | undefined =>
  /Content-Security-Policy" content="([^"]*)"/
    .exec(html)![1]!
    .split('; ')
    .find((each) => each.startsWith(`${directive} `));

describe('the views', () => {
  it('link to one another, and each says which one it is', async () => {
    for (const file of VIEWS) {
      const navigation = /<nav [\s\S]*<\/nav>/.exec(await built(file))![0];
      const links = [...navigation.matchAll(/href="\.\/([^"]*)"( aria-current="page")?/g)];
      assert.deepEqual(
        links.map(([, to, current]) => [to, current !== undefined]),
        VIEWS.map((to) => [to, to === file]),
      );
    }
  });

  it('have one policy, and the one that opens models by links may ask other hosts over https', async () => {
    const [digits, faces, inspect] = (await Promise.all(VIEWS.map(built))) as [string, string, string];
    for (const html of [digits, faces]) assert.equal(policyOf(html, 'connect-src'), "connect-src 'self'");
    assert.equal(policyOf(inspect, 'connect-src'), "connect-src 'self' https:");
    for (const html of [digits, faces, inspect]) {
      assert.equal(policyOf(html, 'script-src'), "script-src 'self' 'wasm-unsafe-eval'");
      assert.equal(policyOf(html, 'default-src'), "default-src 'self'");
    }
  });

  it('are refused if a place is missing or there twice, or nobody knows the file', () => {
    assert.match(withCommonParts(PLACES, 'index.html'), /^<head>\n {2}<meta charset="utf-8" \/>\n {2}<meta /);
    assert.throws(() => withCommonParts('<head></head><!-- views -->', 'index.html'), /expected <!-- head --> once/);
    assert.throws(() => withCommonParts(PLACES + PLACES, 'index.html'), /expected <!-- head --> once/);
    assert.throws(() => withCommonParts(PLACES, 'other.html'), /other\.html: none of the views/);
  });
});
