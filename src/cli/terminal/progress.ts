/** How training is shown: a bar on a terminal, plain lines elsewhere. Everything goes to stderr. */
import { SingleBar } from 'cli-progress';
import type { TrainReporter } from '../../train/run.ts';
import type { Accuracies } from '../../train/trainer.ts';

function percent(values: Readonly<Record<string, number>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name} ${(100 * value).toFixed(1)} %`)
    .join(', ');
}

/** A reporter for `glean train`. */
export function trainProgress(stream: NodeJS.WriteStream = process.stderr): TrainReporter & { stop(): void } {
  const bar = stream.isTTY
    ? new SingleBar({
        stream,
        format: '{phase} [{bar}] {value}/{total} | {eta_formatted} left | loss {loss} penalty {penalty} | {accuracy}',
        hideCursor: true,
      })
    : undefined;
  let phase: string | undefined;
  let accuracy = '';
  return {
    onStart(step, steps) {
      if (step >= steps) stream.write(`training is finished: ${step} of ${steps} steps\n`);
      else if (step > 0) stream.write(`going on at step ${step} of ${steps}\n`);
    },
    onStep(metrics) {
      const shown = { loss: metrics.loss.toFixed(4), penalty: metrics.penalty.toExponential(1), accuracy };
      if (bar === undefined) {
        if (metrics.step % 20 === 0 || metrics.step === metrics.steps) {
          stream.write(
            `${metrics.phase} ${metrics.step}/${metrics.steps} loss ${shown.loss} penalty ${shown.penalty}\n`,
          );
        }
        return;
      }
      const payload = { ...shown, phase: metrics.phase };
      if (phase !== metrics.phase) {
        bar.stop();
        bar.start(metrics.steps, metrics.step, payload);
        phase = metrics.phase;
      } else {
        bar.update(metrics.step, payload);
      }
    },
    onEvaluation(_step, accuracies: Accuracies) {
      accuracy = percent(accuracies.train);
      if (bar === undefined) stream.write(`  train: ${accuracy}; held out: ${percent(accuracies.validation)}\n`);
    },
    onRefused(error) {
      stream.write(`refused: ${error.message}; looking for the one before\n`);
    },
    stop() {
      bar?.stop();
    },
  };
}
