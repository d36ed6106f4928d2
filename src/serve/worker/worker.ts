/** A process that answers requests. It starts when the supervisor sends it the models, and stops when it is told to. */
import cluster from 'node:cluster';
import type { Socket } from 'node:net';
import process from 'node:process';
import { createHttpServer } from '../http/server.ts';
import type { ToSupervisor, ToWorker } from '../messages.ts';
import { createLog } from '../observe/log.ts';
import type { MetricObject } from '../observe/metrics.ts';
import type { ServeSettings } from '../settings.ts';
import { Service } from './service.ts';

const SCRAPE_LIMIT = 5000;

const settings = JSON.parse(process.env['GLEAN_SERVE_SETTINGS']!) as ServeSettings;
const { logger, end } = createLog(settings.logLevel, { worker: cluster.worker!.id, pid: process.pid });

/** Resolves when the message has been sent, or at once if the supervisor is gone. */
function tell(message: ToSupervisor): Promise<void> {
  return new Promise((resolve) => {
    if (process.connected) process.send!(message, undefined, undefined, () => resolve());
    else resolve();
  });
}

/** Scrapes that wait for the supervisor to collect the metrics. */
const scrapes = new Map<number, (metrics: readonly MetricObject[]) => void>();
let scrapeCount = 0;

function scrape(): Promise<readonly MetricObject[]> {
  return new Promise((resolve, reject) => {
    const request = scrapeCount++;
    const timer = setTimeout(() => {
      scrapes.delete(request);
      reject(new Error('the supervisor did not give the metrics in time'));
    }, SCRAPE_LIMIT);
    scrapes.set(request, (metrics) => {
      clearTimeout(timer);
      resolve(metrics);
    });
    void tell({ type: 'scrape', request });
  });
}

const service = new Service(settings, logger, scrape);
const http = createHttpServer(service);

async function start(message: Extract<ToWorker, { type: 'start' }>): Promise<void> {
  service.setKeys(message.keys);
  service.refused = message.refused;
  for (const model of message.models) await service.models.put(model);
  await tell({ type: 'ready' });
}

/**
 * Marks the service as stopping. Until the supervisor tells the worker to stop, or kills it, connections still come and
 * are answered.
 */
function drain(): void {
  service.draining = true;
}

async function stop(): Promise<void> {
  drain();
  await http.close(settings.grace);
  await service.models.dispose();
  logger.info('worker stopped');
  await tell({ type: 'last', metrics: await service.metrics.registry.getMetricsAsJSON() });
}

let stopping = false;

function stopOnce(): void {
  if (stopping) return;
  stopping = true;
  stop().then(
    () => exit(0),
    (error) => {
      logger.error({ err: error }, 'worker did not stop as it should');
      exit(1);
    },
  );
}

/** Asks the supervisor for no more connections; it says when the last one has come. */
function leave(): void {
  drain();
  void tell({ type: 'leaving' });
}

function exit(code: number): void {
  void end().then(() => process.exit(code));
}

/** Keeps changes to the models in the order in which the supervisor sent them. */
let changes = Promise.resolve();

process.on('message', (message: ToWorker, socket: Socket | undefined) => {
  if (message.type === 'connection') {
    void tell({ type: 'took', connection: message.connection });
    // The connection may have been closed on its way.
    if (socket !== undefined) http.take(socket);
  } else if (message.type === 'start') changes = changes.then(() => start(message));
  else if (message.type === 'model') changes = changes.then(() => service.models.put(message.model));
  else if (message.type === 'unload') changes = changes.then(() => service.models.remove(message.id));
  else if (message.type === 'refused') service.refused = message.models;
  else if (message.type === 'keys') service.setKeys(message.keys);
  else if (message.type === 'metrics') {
    scrapes.get(message.request)?.(message.metrics);
    scrapes.delete(message.request);
  } else if (message.type === 'collect') {
    const { request } = message;
    void service.metrics.registry.getMetricsAsJSON().then((metrics) => tell({ type: 'collected', request, metrics }));
  } else if (message.type === 'drain') drain();
  else if (message.type === 'stop') stopOnce();
});
// Ctrl-C reaches every process of the terminal, and the supervisor decides when to stop. SIGTERM may come from someone
// who stops all processes of the service at once. If the supervisor is gone, nobody else can tell this worker to stop.
process.on('SIGINT', () => {});
process.on('SIGTERM', leave);
process.on('disconnect', stopOnce);
for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
  process.on(event, (error: unknown) => {
    logger.fatal({ err: error }, 'worker failed');
    exit(1);
  });
}
void tell({ type: 'hello' });
