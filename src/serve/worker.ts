/** A process that answers requests. It starts when the supervisor hands it the models, and stops when told to. */
import cluster from 'node:cluster';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import process from 'node:process';
import { createLog } from './log.ts';
import type { ToSupervisor, ToWorker } from './messages.ts';
import { createHttpServer } from './server.ts';
import { Service } from './service.ts';
import type { ServeSettings } from './settings.ts';

const SCRAPE_LIMIT = 5000;
const BACKLOG = 1024;

const settings = JSON.parse(process.env['GLEAN_SERVE_SETTINGS']!) as ServeSettings;
const { logger, flush } = createLog(settings.logLevel, { worker: cluster.worker!.id, pid: process.pid });

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
const { server, closeQuiet } = createHttpServer(service);
let stopping = false;

async function start(message: Extract<ToWorker, { type: 'start' }>): Promise<void> {
  service.setKeys(message.keys);
  for (const model of message.models) await service.models.put(model);
  server.once('error', (error: NodeJS.ErrnoException) => {
    void tell({ type: 'failed', code: error.code ?? 'UNKNOWN', message: error.message }).then(() => exit(1));
  });
  server.listen({ port: settings.port, host: settings.host, backlog: BACKLOG }, () => {
    const { port } = server.address() as AddressInfo;
    void tell({ type: 'ready', port });
  });
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function closed(listening: Server): Promise<void> {
  return new Promise((resolve) => listening.close(() => resolve()));
}

/**
 * For `drain` connections are still taken, unready and told to close after their answer; then nothing new is taken, and
 * what was accepted is answered. Whoever is not answered within `grace` is cut off.
 */
async function stop(): Promise<void> {
  service.draining = true;
  if (server.listening) {
    await sleep(settings.drain);
    const all = closed(server);
    closeQuiet();
    const cut = setTimeout(() => {
      logger.warn({ connections: service.connections }, 'cut off what was not answered in time');
      server.closeAllConnections();
    }, settings.grace);
    await all;
    clearTimeout(cut);
  }
  await service.models.dispose();
  logger.info('worker stopped');
  await tell({ type: 'last', metrics: await service.metrics.registry.getMetricsAsJSON() });
}

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

function exit(code: number): void {
  flush();
  process.exit(code);
}

/** Models come and go in the order in which the supervisor says so. */
let changes = Promise.resolve();

process.on('message', (message: ToWorker) => {
  if (message.type === 'start') changes = changes.then(() => start(message));
  else if (message.type === 'model') changes = changes.then(() => service.models.put(message.model));
  else if (message.type === 'unload') changes = changes.then(() => service.models.remove(message.id));
  else if (message.type === 'keys') service.setKeys(message.keys);
  else if (message.type === 'metrics') {
    scrapes.get(message.request)?.(message.text);
    scrapes.delete(message.request);
  } else if (message.type === 'collect') {
    const { request } = message;
    void service.metrics.registry.getMetricsAsJSON().then((metrics) => tell({ type: 'collected', request, metrics }));
  } else if (message.type === 'stop') stopOnce();
});
// Ctrl-C reaches every process of the terminal: the supervisor says when. SIGTERM may come from whoever stops all of a
// service's processes at once, and a supervisor that is gone has nobody left to say it.
process.on('SIGINT', () => {});
process.on('SIGTERM', stopOnce);
process.on('disconnect', stopOnce);
for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
  process.on(event, (error: unknown) => {
    logger.fatal({ err: error }, 'worker failed');
    exit(1);
  });
}
void tell({ type: 'hello' });
