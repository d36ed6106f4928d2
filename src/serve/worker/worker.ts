/** A process that answers requests. It starts when the supervisor hands it the models, and stops when told to. */
import cluster from 'node:cluster';
import type { Socket } from 'node:net';
import process from 'node:process';
import { createHttpServer } from '../http/server.ts';
import type { ToSupervisor, ToWorker } from '../messages.ts';
import { createLog } from '../observe/log.ts';
import type { ServeSettings } from '../settings.ts';
import { Service } from './service.ts';

const SCRAPE_LIMIT = 5000;

const settings = JSON.parse(process.env['GLEAN_SERVE_SETTINGS']!) as ServeSettings;
const { logger, end } = createLog(settings.logLevel, { worker: cluster.worker!.id, pid: process.pid });

/** Resolves when the message is on its way. */
function tell(message: ToSupervisor): Promise<void> {
  return new Promise((resolve) => {
    if (process.connected) process.send!(message, undefined, undefined, () => resolve());
    else resolve();
  });
}

/** Scrapes that wait for the supervisor's collection. */
const scrapes = new Map<number, (text: string) => void>();
let scrapeCount = 0;

function scrape(): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = scrapeCount++;
    const timer = setTimeout(() => {
      scrapes.delete(request);
      reject(new Error('the supervisor did not give the metrics in time'));
    }, SCRAPE_LIMIT);
    scrapes.set(request, (text) => {
      clearTimeout(timer);
      resolve(text);
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

/** It will be told to stop, at the latest when it is killed: until then connections come, which are answered. */
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

/** Asks for no more connections; who hears it says when the last has come. */
function leave(): void {
  drain();
  void tell({ type: 'leaving' });
}

function exit(code: number): void {
  void end().then(() => process.exit(code));
}

/** Models come and go in the order in which the supervisor says so. */
let changes = Promise.resolve();

process.on('message', (message: ToWorker, socket: Socket | undefined) => {
  if (message.type === 'connection') {
    void tell({ type: 'took', connection: message.connection });
    // It may have been closed on its way.
    if (socket !== undefined) http.take(socket);
  } else if (message.type === 'start') changes = changes.then(() => start(message));
  else if (message.type === 'model') changes = changes.then(() => service.models.put(message.model));
  else if (message.type === 'unload') changes = changes.then(() => service.models.remove(message.id));
  else if (message.type === 'refused') service.refused = message.models;
  else if (message.type === 'keys') service.setKeys(message.keys);
  else if (message.type === 'metrics') {
    scrapes.get(message.request)?.(message.text);
    scrapes.delete(message.request);
  } else if (message.type === 'collect') {
    const { request } = message;
    void service.metrics.registry.getMetricsAsJSON().then((metrics) => tell({ type: 'collected', request, metrics }));
  } else if (message.type === 'drain') drain();
  else if (message.type === 'stop') stopOnce();
});
// Ctrl-C reaches every process of the terminal: the supervisor says when. SIGTERM may come from whoever stops all of a
// service's processes at once, and a supervisor that is gone has nobody left to say it.
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
