/** Seconds of processor time that a call takes: unlike the clock, the same on a busy machine. */
export function cpuSeconds(call: () => void): number {
  const start = process.cpuUsage();
  call();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1e6;
}
