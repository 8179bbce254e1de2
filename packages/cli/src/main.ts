#!/usr/bin/env node
/**
 * The program `mediated`: reads the command line, runs one command, ends with its exit status.
 * 0: done. 1: the command failed. 2: the command line was wrong, said in one sentence on stderr. 130: Ctrl-C.
 */
import { type Invocation, parseCommandLine } from './arguments.js';
import { demo } from './demo.js';
import { fleetCreate, fleetRemove } from './fleet/devices.js';
import { fleetEvents, fleetTop } from './fleet/events.js';
import { fleetFence, fleetList, fleetStatus, fleetTypes } from './fleet/hosts.js';
import { events } from './follow/events.js';
import { qemu } from './follow/qemu.js';
import { screenshot } from './follow/screenshot.js';
import { top } from './follow/top.js';
import { trace } from './follow/trace.js';
import { create, list, remove, types } from './follow/tree.js';
import { listenForInterruption } from './interruption.js';
import { watchOutputs } from './outputs.js';
import { stress } from './stress.js';
import { up } from './up/up.js';
import { programVersion } from './version.js';

const outputs = watchOutputs(
  process,
  (status) => {
    process.exitCode = status;
  },
  say,
);

async function run(invocation: Invocation): Promise<number> {
  using interruption = listenForInterruption();
  const signal = AbortSignal.any([interruption.signal, outputs.signal]);
  const stage = { output: process.stdout, errors: process.stderr, signal };
  switch (invocation.command) {
    case 'demo':
      return await demo(invocation.options, stage);
    case 'stress':
      return await stress(invocation.options, stage);
    case 'up':
      return await up(invocation.options, stage);
    case 'types':
      return await types(invocation.options, stage);
    case 'list':
      return await list(invocation.options, stage);
    case 'create':
      return await create(invocation.options, stage);
    case 'remove':
      return await remove(invocation.options, stage);
    case 'qemu':
      return await qemu(invocation.options, stage);
    case 'events':
      return await events(invocation.options, stage);
    case 'top':
      return await top(invocation.options, stage);
    case 'screenshot':
      return await screenshot(invocation.options, stage);
    case 'trace':
      return await trace(invocation.options, stage);
    case 'fleet status':
      return await fleetStatus(invocation.options, stage);
    case 'fleet types':
      return await fleetTypes(invocation.options, stage);
    case 'fleet list':
      return await fleetList(invocation.options, stage);
    case 'fleet create':
      return await fleetCreate(invocation.options, stage);
    case 'fleet remove':
      return await fleetRemove(invocation.options, stage);
    case 'fleet fence':
      return await fleetFence(invocation.options, stage);
    case 'fleet events':
      return await fleetEvents(invocation.options, stage);
    case 'fleet top':
      return await fleetTop(invocation.options, stage);
  }
}

function say(sentence: string): void {
  process.stderr.write(`mediated: ${sentence}\n`);
}

const line = parseCommandLine(process.argv.slice(2));
if ('help' in line) {
  process.stdout.write(`${line.help}\n`);
} else if ('version' in line) {
  process.stdout.write(`${programVersion()}\n`);
} else if ('refusal' in line) {
  say(line.refusal);
  process.exitCode = 2;
} else {
  const status = await run(line);
  process.exitCode = outputs.status ?? status;
}
