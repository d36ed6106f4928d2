/** The one reporter of progress: a bar on a terminal, few lines in a log. */
import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { describe, it } from 'node:test';
import { trainProgress } from '../../src/cli/terminal/progress.ts';
import { createReporter } from '../../src/evaluate/reporter.ts';

/** A stream that is a terminal or is not, and what was written to it. */
function stream(isTTY: boolean): { readonly stream: NodeJS.WriteStream; text(): string } {
  const through = new PassThrough();
  const chunks: string[] = [];
  through.on('data', (chunk: Buffer) => chunks.push(chunk.toString()));
  const terminal = { isTTY, columns: 40, cursorTo: () => true, clearLine: () => true, moveCursor: () => true };
  return { stream: Object.assign(through, terminal) as unknown as NodeJS.WriteStream, text: () => chunks.join('') };
}

describe('the reporter', () => {
  it('writes the first and the last of many steps to a log, and what is said', () => {
    const { stream: log, text } = stream(false);
    const { progress, say, status, stop } = createReporter(log);
    for (let done = 1; done <= 1000; done++) progress('drawing', done, 1000, 'emoji');
    status('only for terminals');
    say('done');
    stop();
    assert.equal(text(), 'drawing: 1 of 1000 | emoji\ndrawing: 1000 of 1000 | emoji\ndone\n');
  });

  it('shows a bar on a terminal, another one for other work, and leaves the cursor', () => {
    const { stream: terminal, text } = stream(true);
    const { progress, status, say, stop } = createReporter(terminal);
    progress('drawing', 1, 2);
    progress('preparing', 1, 3, 'celeba');
    stop();
    status('x'.repeat(60));
    say('done');
    assert.match(text(), /drawing \[.*\] 1\/2 .*preparing \[.*\] 1\/3 .*celeba/s);
    assert.ok(text().endsWith(`\r\x1b[K${'x'.repeat(39)}\r\x1b[Kdone\n`));
    const shown = (code: string) => text().lastIndexOf(`\x1b[?25${code}`);
    assert.ok(shown('h') > shown('l'), 'the cursor is hidden after the last bar');
  });

  it('tells of training: where it goes on, steps, accuracies, the end', () => {
    const { stream: log, text } = stream(false);
    const { onStart, onStep, onEvaluation, stop } = trainProgress(log);
    onStart!(20, 40);
    onStep!({
      phase: 'main',
      step: 40,
      steps: 40,
      loss: 0.5,
      lambda: 1,
      penalty: 0.001,
      learningRate: 0,
      environments: [],
    });
    onEvaluation!(40, { train: { red: 0.5 }, validation: { red: 0.25 } });
    onStart!(40, 40);
    stop();
    assert.equal(
      text(),
      'going on at step 20 of 40\nmain: 40 of 40 | loss 0.5000 penalty 1.0e-3\n  train: red 50.0 %; held out: red 25.0 %\ntraining is finished: 40 of 40 steps\n',
    );
  });
});
