/**
 * Runs a service from start to end: verifies the models, starts the workers, watches the folder and the keys, and stops
 * on a signal.
 */
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { GleanError, InputError } from '../../certify-runtime/trusted/errors.ts';
import type { RefusedModel } from '../messages.ts';
import { createLog, type Logger } from '../observe/log.ts';
import type { ServeSettings } from '../settings.ts';
import { Fleet } from './fleet.ts';
import { readKeyFile } from './key-file.ts';
import { Repository } from './repository.ts';

const LOOPBACK = /^(127\.\d+\.\d+\.\d+|::1|localhost)$/;
/**
 * Looks between two collections of metrics. Regular collections make sure that little is lost if a worker is killed.
 */
const LOOKS_PER_COLLECTION = 5;

/**
 * Serves until SIGTERM or SIGINT, and then until every request accepted by then is answered.
 *
 * @throws InputError if the folder, the keys or the address cannot be used; GleanError if no model verifies
 */
export async function serve(settings: ServeSettings): Promise<void> {
  const { logger, end } = createLog(settings.logLevel, { supervisor: process.pid });
  const stopping = signalled(logger);
  const asked = once(stopping, 'abort');
  try {
    const { keyFile } = settings;
    let keys = keyFile === undefined ? undefined : await readKeyFile(keyFile);
    const repository = new Repository(settings.models, settings.publicKey, logger, stopping);
    await repository.look(() => {});
    if (stopping.aborted) {
      logger.info('stopped');
      return;
    }
    if (repository.approved().length === 0) throw noModel(repository, settings.models);
    const refused = () => repository.refused().map(({ id, version }): RefusedModel => ({ id, version }));
    let told = refused();
    const fleet = new Fleet(settings, logger, () => ({
      type: 'start',
      models: repository.approved(),
      refused: refused(),
      keys,
    }));
    fleet.collector.refused = told.length;
    try {
      // A signal may come before all workers are ready.
      await Promise.race([fleet.start(), asked]);
      if (stopping.aborted) return;
      const { host } = settings;
      const url = `http://${isIPv6(host) ? `[${host}]` : host}:${fleet.port}`;
      const models = repository.approved().map(({ id, version }) => `${id}@${version}`);
      const { workers, minRadius } = settings;
      logger.info({ url, workers, models, keys: keys?.length ?? 0, minRadius }, 'listening');
      if (keys === undefined && !LOOPBACK.test(host)) {
        logger.warn({ host }, 'whoever reaches this address may ask: there is no --key-file');
      }
      const watching = watch(settings, stopping, logger, {
        look: async () => {
          await repository.look((change) => fleet.tell(change));
          const now = refused();
          if (JSON.stringify(now) === JSON.stringify(told)) return;
          told = now;
          fleet.collector.refused = now.length;
          fleet.tell({ type: 'refused', models: now });
        },
        readKeys: async () => {
          if (keyFile === undefined) return;
          const now = await readKeyFile(keyFile);
          if (now.join() === keys?.join()) return;
          keys = now;
          fleet.tell({ type: 'keys', keys });
          logger.info({ keys: keys.length }, 'keys changed');
        },
        collect: () => fleet.collect(),
      });
      await Promise.race([watching, asked]);
    } finally {
      await fleet.stop();
      logger.info('stopped');
    }
  } finally {
    await end();
  }
}

function noModel(repository: Repository, folder: string): GleanError {
  const refused = repository.refused();
  if (refused.length === 0) return new InputError(`${folder}: found no model, expected ${folder}/NAME/model.onnx`);
  const reasons = refused.map(({ id, reason }) => `\n  ${id}: ${reason}`).join('');
  return new GleanError('SERVE', `${folder}: no model can be served; all were refused:${reasons}`);
}

/** Returns a signal that aborts at the first SIGTERM or SIGINT; a second one ends the process at once. */
function signalled(logger: Logger): AbortSignal {
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (stop.signal.aborted) process.exit(1);
      logger.info({ signal }, 'stopping: what was accepted is answered first');
      stop.abort();
    });
  }
  return stop.signal;
}

interface Watched {
  look(): Promise<void>;
  readKeys(): Promise<void>;
  collect(): Promise<void>;
}

/** Looks at everything every `poll` milliseconds, one look after another, until `stopping` aborts. */
async function watch(
  { poll }: ServeSettings,
  stopping: AbortSignal,
  logger: Logger,
  { look, readKeys, collect }: Watched,
): Promise<void> {
  for (let looks = 0; ; looks++) {
    await sleep(poll, undefined, { signal: stopping }).catch(() => {});
    if (stopping.aborted) return;
    try {
      await look();
      if (stopping.aborted) return;
      await readKeys();
      if (looks % LOOKS_PER_COLLECTION === 0) await collect();
    } catch (error) {
      logger.warn({ err: error }, 'models or keys cannot be read; those that were stay');
    }
  }
}
