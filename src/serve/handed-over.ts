/**
 * Connections on their way to a worker. node:cluster's supervisor accepts a connection, hands it over and forgets it once the worker
 * has said that it has it; of a worker that dies before, the supervisor would hold the connection open for ever, and the client
 * would wait for ever. Node has no event for this, so its messages are read: `{cmd: 'NODE_CLUSTER', act: 'newconn', seq}`, answered by
 * `{cmd: 'NODE_CLUSTER', ack: seq}` (lib/internal/cluster/utils.js, round_robin_handle.js; a test holds it for the Node it runs on).
 */
import type { Worker } from 'node:cluster';
import type { EventEmitter } from 'node:events';

interface ClusterMessage {
  readonly cmd?: string;
  readonly act?: string;
  readonly seq?: number;
  readonly ack?: number;
}

/** A connection as libuv has it. */
interface Handle {
  close(): void;
}

type Send = (message: ClusterMessage, handle?: Handle, ...rest: unknown[]) => boolean;

/** A worker's process, as node:cluster uses it. */
interface Channel extends EventEmitter {
  send: Send;
}

/** Closes what a worker had not taken when it dies: its clients see that, as those do whom it was answering. */
export function closeWhatItNeverTook(worker: Worker): void {
  const child = worker.process as unknown as Channel;
  const waiting = new Map<number, Handle>();
  const send: Send = child.send.bind(child);
  child.send = (message, handle, ...rest) => {
    if (message.cmd === 'NODE_CLUSTER' && message.act === 'newconn' && handle !== undefined) {
      waiting.set(message.seq!, handle);
    }
    return send(message, handle, ...rest);
  };
  child.on('internalMessage', ({ cmd, ack }: ClusterMessage) => {
    if (cmd === 'NODE_CLUSTER' && ack !== undefined) waiting.delete(ack);
  });
  child.once('exit', () => {
    for (const handle of waiting.values()) handle.close();
    waiting.clear();
  });
}
