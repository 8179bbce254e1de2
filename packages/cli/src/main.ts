#!/usr/bin/env node
/**
 * The program `mediated`: reads the command line, runs one command, ends with its exit status.
 * 0: done. 1: the command failed. 2: the command line was wrong, said in one sentence on stderr. 130: Ctrl-C.
 */
import { type Invocation, parseCommandLine } from './arguments.js';
import { demo } from './demo.js';
import { listenForInterruption } from './interruption.js';
import { stress } from './stress.js';
import { programVersion } from './version.js';

// A reader that has seen enough (`mediated --help | head -1`) is no failure of the program.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

async function run(invocation: Invocation): Promise<number> {
  using interruption = listenForInterruption();
  const stage = { output: process.stdout, errors: process.stderr, signal: interruption.signal };
  switch (invocation.command) {
    case 'demo':
      return await demo(invocation.options, stage);
    case 'stress':
      return await stress(invocation.options, stage);
  }
}

function refuse(sentence: string): number {
  process.stderr.write(`mediated: ${sentence}\n`);
  return 2;
}

const line = parseCommandLine(process.argv.slice(2));
if ('help' in line) {
  process.stdout.write(`${line.help}\n`);
} else if ('version' in line) {
  process.stdout.write(`${programVersion()}\n`);
} else if ('refusal' in line) {
  process.exitCode = refuse(line.refusal);
} else {
  process.exitCode = await run(line);
}
