/**
 * Runs the shell steps of a workflow file as a runner does, one after the other: in a folder of its own instead of /tmp, with the
 * workspace's `mediated` for the one from npm and Debian's programs from the cache. For recipes.test.ts.
 */
import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { ROOT } from '../pages.js';

const MEDIATED = fileURLToPath(new URL('packages/cli/dist/main.js', ROOT));

interface Step {
  readonly name?: string;
  readonly run?: string;
}

interface Job {
  readonly env?: Readonly<Record<string, string>>;
  readonly steps: readonly Step[];
}

/** How a step has ended. */
export interface Done {
  readonly name: string;
  readonly status: number;
  readonly output: string;
}

/**
 * Fills a folder of programs that are others here, for the front of PATH: the workspace's `mediated`, and `mdevctl` of a release
 * with its own loader and libraries.
 */
export function putPrograms(bin: string, release: string): void {
  mkdirSync(bin);
  for (const [name, script] of Object.entries(programs(release))) {
    writeFileSync(join(bin, name), `#!/bin/bash\n${script}\n`);
    chmodSync(join(bin, name), 0o755);
  }
}

function programs(release: string): Readonly<Record<string, string>> {
  const loader = `"${release}/lib64/ld-linux-x86-64.so.2" --library-path "${release}/usr/lib/x86_64-linux-gnu"`;
  return {
    sudo: 'while [[ $1 == -* ]]; do shift; done; exec "$@"',
    'apt-get': 'exit 0',
    npx: `[ "$1 $2" = "--yes mediated" ] || exit 99; shift 2; exec "${process.execPath}" "${MEDIATED}" "$@"`,
    mediated: `exec "${process.execPath}" "${MEDIATED}" "$@"`,
    // Without a root of its own it runs in a mount namespace, as pages say: /sys is the tree there, /etc not to be touched.
    mdevctl: `if [ -z "$MDEVCTL_ENV_ROOT" ]; then
  export MDEVCTL_ENV_ROOT=$(dirname "$0")/../mdevctl
  mkdir -p "$MDEVCTL_ENV_ROOT"/{sys,etc/mdevctl.d,usr/lib/mdevctl/scripts.d/{callouts,notifiers}}
  mount --rbind /sys "$MDEVCTL_ENV_ROOT/sys"
fi
exec ${loader} "${release}/usr/bin/mdevctl" "$@"`,
  };
}

export class Workflow {
  readonly #folder = mkdtempSync(join(tmpdir(), 'mediated-workflow-'));
  readonly #job: Job;
  readonly #environment: NodeJS.ProcessEnv;

  /** `release`: a folder that scripts/clients/fetch.sh has filled. */
  constructor(file: string, release: string) {
    const text = readFileSync(new URL(file, ROOT), 'utf8').replaceAll('/tmp/', `${this.#folder}/`);
    [this.#job] = Object.values((parse(text) as { jobs: Record<string, Job> }).jobs);
    const bin = join(this.#folder, 'bin');
    putPrograms(bin, release);
    this.#environment = {
      ...process.env,
      ...this.#job.env,
      PATH: `${bin}:${process.env.PATH}`,
      XDG_RUNTIME_DIR: this.#folder,
      LANG: 'C',
    };
  }

  /** Every step that is a script, in order, until one fails; the last one always. */
  async run(): Promise<Done[]> {
    const done: Done[] = [];
    const steps = this.#job.steps.filter(({ run }) => run !== undefined);
    for (const [index, { name = '', run = '' }] of steps.entries()) {
      const failed = done.some(({ status }) => status !== 0);
      if (!failed || index === steps.length - 1) done.push({ name, ...(await this.#step(run)) });
    }
    return done;
  }

  close(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #step(script: string): Promise<{ status: number; output: string }> {
    const options = { cwd: fileURLToPath(ROOT), env: this.#environment };
    return new Promise((resolve) => {
      execFile('bash', ['-e', '-c', script], options, (error, stdout, stderr) => {
        resolve({ status: error === null ? 0 : Number(error.code ?? -1), output: stdout + stderr });
      });
    });
  }
}
