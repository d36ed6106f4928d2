/** Reports the progress of `glean train`: steps with loss and penalty, and accuracies. */
import { createReporter } from '../../evaluate/reporter.ts';
import { inWords } from '../../train/checks.ts';
import type { TrainReporter } from '../../train/run.ts';

function percent(values: Readonly<Record<string, number>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name} ${(100 * value).toFixed(1)} %`)
    .join(', ');
}

/** Makes a reporter that writes to `stream`. */
export function trainProgress(stream: NodeJS.WriteStream = process.stderr): TrainReporter & { stop(): void } {
  const { progress, say, stop } = createReporter(stream);
  let accuracy = '';
  return {
    onStart(step, steps) {
      if (step >= steps) say(`training is finished: ${step} of ${steps} steps`);
      else if (step > 0) say(`going on at step ${step} of ${steps}`);
    },
    onStep({ phase, step, steps, loss, penalty }) {
      progress(phase, step, steps, `loss ${loss.toFixed(4)} penalty ${penalty.toExponential(1)}${accuracy}`);
    },
    onEvaluation(_step, { train, validation }) {
      accuracy = ` | ${percent(train)}`;
      if (!stream.isTTY) say(`  train: ${percent(train)}; held out: ${percent(validation)}`);
    },
    onChecks(checks) {
      for (const line of inWords(checks)) say(`  ${line}`);
    },
    onRefused(error) {
      say(`refused: ${error.message}; looking for the one before`);
    },
    stop,
  };
}
