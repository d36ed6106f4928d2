/** Errors that are thrown on because of another one have it as their cause. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import ts from 'typescript';
import { sourcesOf } from '../../pipeline/imports.ts';
import { ContradictionError, type ErrorCode, InputError } from '../../src/certify-runtime/trusted/errors.ts';

/** Throws of a new error, or of what a function makes, in what handles a caught one, without a word of the cause. */
function silent(file: string, text: string): string[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const found: string[] = [];
  const handler = (node: ts.Node): boolean =>
    ts.isCatchClause(node) ||
    (ts.isCallExpression(node.parent ?? node) &&
      (node.parent as ts.CallExpression).arguments.includes(node as ts.Expression) &&
      ts.isPropertyAccessExpression((node.parent as ts.CallExpression).expression) &&
      ((node.parent as ts.CallExpression).expression as ts.PropertyAccessExpression).name.text === 'catch');
  const visit = (node: ts.Node, handled: boolean): void => {
    const inside = handled || handler(node);
    if (inside && ts.isThrowStatement(node) && node.expression !== undefined) {
      const { expression } = node;
      const made = ts.isNewExpression(expression) || ts.isCallExpression(expression);
      const words = expression.getText(source);
      if (made && !/\bcause\b|, options\)$|AnswerIsNo|listenError\(|tooLarge\(/.test(words)) {
        const { line } = source.getLineAndCharacterOfPosition(node.getStart(source));
        found.push(`${file}:${line + 1}: ${words.split('\n')[0]}`);
      }
    }
    node.forEachChild((child) => visit(child, inside));
  };
  visit(source, false);
  return found;
}

describe('causes', () => {
  it('are handed on wherever an error is caught and another one thrown', () => {
    const files = sourcesOf('src');
    assert.ok(files.length > 200);
    assert.deepEqual(
      files.flatMap((file) => silent(file, readFileSync(file, 'utf8'))),
      [],
    );
  });

  it('are missed where they are not', () => {
    assert.equal(silent('a.ts', "try { f(); } catch { throw new Error('no'); }").length, 1);
    assert.equal(silent('a.ts', 'p.catch((error) => { throw refuse(error.message); });').length, 1);
    assert.equal(silent('a.ts', "try { f(); } catch (cause) { throw new Error('no', { cause }); }").length, 0);
    assert.equal(silent('a.ts', 'try { f(); } catch (error) { throw error; }').length, 0);
  });

  it('are what an error says, and its code is one of the union', () => {
    const cause = new RangeError('too far');
    const error = new InputError('x.png: found nothing', { path: 'x.png' }, { cause });
    assert.equal(error.cause, cause);
    const code: ErrorCode = error.code;
    assert.deepEqual([code, new ContradictionError('no').code], ['INPUT', 'CONTRADICTED']);
  });
});
