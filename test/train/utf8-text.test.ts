/** Text files as editors save them: a byte order mark is no text, other encodings are refused by name. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InputError } from '../../src/certify-runtime/trusted/errors.ts';
import { utf8Text } from '../../src/files/utf8-text.ts';

test('UTF-8 with and without a byte order mark is the same text', () => {
  for (const text of ['a b\r\nc', 'é 日本 🦊', '']) {
    assert.equal(utf8Text(Buffer.from(text), 'list.txt'), text);
    assert.equal(utf8Text(Buffer.from(`\uFEFF${text}`), 'list.txt'), text);
  }
});

test('UTF-16 and other encodings are refused, with the file, what was found and what to do', () => {
  const utf16 = Buffer.from('cat\n', 'utf16le');
  for (const [bytes, found] of [
    [Buffer.from('\uFEFFcat\n', 'utf16le'), /found UTF-16 text/],
    [Buffer.from('\uFEFFcat\n', 'utf16le').swap16(), /found UTF-16 text/],
    [utf16, /found zero bytes, as in UTF-16 text/],
    [Buffer.from(utf16).swap16(), /found zero bytes/],
    [Buffer.from('café', 'latin1'), /found bytes that are no UTF-8 text/],
  ] as const) {
    assert.throws(
      () => utf8Text(bytes, 'list.txt'),
      (error) => {
        assert.ok(error instanceof InputError);
        assert.match(error.message, found);
        assert.match(error.message, /^list\.txt: .*, expected UTF-8; save the file as UTF-8$/);
        return true;
      },
    );
  }
});
