/** What the plan promises: the same augmentation for every method of a problem, and what matters most first. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Experiment, jobsOf, nameOf } from '../../../pipeline/paper/experiment.ts';
import { fullPlan } from '../../../pipeline/paper/plan.ts';
import { TASKS } from '../../../pipeline/paper/tasks.ts';

const plan = await fullPlan();
const byId = (id: string): Experiment => plan.find((experiment) => experiment.id === id)!;
const methods = ['gaussian', 'macer', 'smoothadv', 'consistency', 'irm'];
/** The problems with rows for all methods. */
const problems = TASKS.filter((task) => plan.some(({ id }) => id === `${task}-macer`) && task !== 'mnist');

describe('the plan', () => {
  it('gives every method of a problem the data, the images, the augmentation and the averaging that GLEAN has', () => {
    assert.equal(problems.length, 9);
    for (const task of problems) {
      const glean = byId(`${task}-glean`);
      // On digits, the paper's IRM keeps the settings of its own configuration.
      for (const method of task === 'cmnist' ? methods.slice(0, -1) : methods) {
        const { config, measurement, seeds } = byId(`${task}-${method}`);
        assert.deepEqual(config.data, glean.config.data, `${task}-${method}`);
        assert.deepEqual(config.augmentation, glean.config.augmentation, `${task}-${method}`);
        assert.equal(config.optimizer.ema, glean.config.optimizer.ema, `${task}-${method}`);
        assert.equal(measurement.images, glean.measurement.images, `${task}-${method}`);
        assert.equal(measurement.smoothing.n, 100_000);
        assert.ok(seeds.length >= 3, `${task}-${method}`);
      }
    }
  });

  it('runs the problem that nobody tuned on with the configuration of avatars', () => {
    const [of, as] = [byId('avatars-glasses-glean').config, byId('avatars-glean').config];
    assert.deepEqual({ ...of, id: '', data: '' }, { ...as, id: '', data: '' });
    assert.deepEqual(of.data, { name: 'avatars-glasses' });
    const [large, small] = [byId('emoji-cue-large-glean').config, byId('emoji-cue-glean').config];
    assert.deepEqual({ ...large, id: '', data: '' }, { ...small, id: '', data: '' });
  });

  it('runs first what the figures of the issue need, all seeds of GLEAN before any baseline', () => {
    const names = jobsOf(plan).map(nameOf);
    const at = (name: string) => {
      const index = names.indexOf(name);
      assert.ok(index >= 0, name);
      return index;
    };
    const order = [
      'avatars-glean-4',
      'cmnist-glean-4',
      'emoji-cue-glean-4',
      'avatars-glasses-glean-2',
      'avatars-glasses-gaussian-0',
      'emoji-large-high-contrast-glean-2',
      'avatars-gaussian-0',
      'emoji-large-noto-smoothadv-0',
      'emoji-cue-macer-1',
      'emoji-cue-macer-2',
      'avatars-oracle-0',
      'cmnist-glean-lambda-10-0',
    ].map(at);
    assert.deepEqual(
      order,
      [...order].sort((a, b) => a - b),
    );
    assert.equal(new Set(names).size, names.length);
  });
});
