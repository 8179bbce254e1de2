/** `mediated up --fleet`: makes the running instance a host of a fleet. Main thread; loaded by `up.ts` only with that option. */
import type { Runtime } from '@mediated/core';
import { FleetHost } from '@mediated/fleet';
import type { CommandOptions } from '../commands.js';
import type { Report } from '../up/report.js';
import { connectionOf, pairsOf, refusing } from './asking-fleet.js';

/** Joins; what the fleet refuses is a ControlError. */
export function joinFleet(
  runtime: Runtime,
  options: CommandOptions<'up'>,
  report: Report,
  signal: AbortSignal,
): Promise<FleetHost> {
  return refusing(async () => {
    const given = <T extends string | number>(value: T) => (value === '' || value === 0 ? undefined : value);
    const host = await FleetHost.join(runtime, {
      ...connectionOf(options.fleet, {
        credentials: options['fleet-creds'],
        ca: options['fleet-ca'],
        cert: options['fleet-cert'],
        key: options['fleet-key'],
      }),
      fleet: options['fleet-name'],
      host: given(options['fleet-host']),
      labels: pairsOf(options['fleet-labels'], '--fleet-labels'),
      lease: given(options['fleet-lease']),
      replicas: given(options['fleet-replicas']),
      account: given(options['fleet-account']),
      signal,
    });
    const { name, fleet } = host;
    report.tell('joined', { fleet, host: name, epoch: host.epoch }, `host ${name} of the fleet ${fleet}`);
    host.on('back', () => report.warn('back', { fleet, host: name }, `${name} was cut off from the fleet and is back`));
    host.on('fenced', () => {
      report.warn('fenced', { fleet, host: name }, `${name} was fenced; its devices are removed`);
    });
    host.on('rejoined', (epoch) => {
      report.warn('joined', { fleet, host: name, epoch }, `${name} has joined the fleet again`);
    });
    host.on('out', (error) => {
      report.warn('out', { fleet, host: name, code: error.code }, `${name} is out of the fleet: ${error.message}`);
    });
    return host;
  });
}
