/**
 * What the tests of real clients stand on: a running `mediated up` with its mounted tree, and Debian's programs, which see that
 * tree as their `/sys`. Used by the tests of this folder; one stage per file of tests.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('../../../packages/cli/dist/main.js', import.meta.url));

/** Milliseconds that the start of a stage may take on a busy machine; for the hooks of tests. */
export const START_TIMEOUT = 60_000;

/** A Debian release whose programs are there. */
export type Release = 'bookworm' | 'trixie';

/** What a program said and how it ended. */
export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Why a release's programs cannot be run here; undefined: they can. `MEDIATED_CLIENTS` is the folder that
 * `scripts/clients/fetch.sh` fills.
 */
export function whyNot(release?: Release): string | undefined {
  const { MEDIATED_CLIENTS: cache, MEDIATED_CLIENTS_MISSING: missing } = process.env;
  if (cache === undefined && missing === undefined) return 'only pnpm test:clients runs it';
  if (process.getuid?.() !== 0) return 'it needs root, to mount the tree for them';
  if (!existsSync('/dev/fuse')) return 'there is no /dev/fuse';
  if (release === undefined) return undefined;
  if (cache === undefined) return missing;
  return existsSync(join(cache, release))
    ? undefined
    : `there is no ${join(cache, release)}; scripts/clients/fetch.sh makes it`;
}

/** A name for a group of tests that says why they are skipped. */
export function titled(title: string, reason: string | undefined): string {
  return reason === undefined ? title : `${title} (skipped: ${reason})`;
}

/** Mounts in a namespace of the program's own: the tree, folders that may be written, and the machine's devices. */
const ENTER = `set -e
root=$1 tree=$2 work=$3 env_root=$4
shift 4
mount --make-rprivate /
mount -t tmpfs none "$root/run"
mount -t tmpfs none "$root/tmp"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mkdir "$root/tmp/job"
mount --bind "$work" "$root/tmp/job"
mount --bind "$work/mdevctl.d" "$root/etc/mdevctl.d"
if [ -n "$env_root" ]; then
  mount --bind "$work/env" "$root/env"
  mount --rbind "$tree" "$root/env/sys"
else
  mount --rbind "$tree" "$root/sys"
fi
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C SYSTEMD_DEVICE_VERIFY_SYSFS=0
[ -z "$env_root" ] || export MDEVCTL_ENV_ROOT=/env
exec chroot "$root" "$@"
`;

/** How to run a program of a release. */
export interface RunOptions {
  /** The tree is not at /sys but below a root that `MDEVCTL_ENV_ROOT` names. */
  readonly environmentRoot?: boolean;
  /** A network of its own. */
  readonly network?: boolean;
  readonly input?: string;
}

export class Stage {
  /** What `/sys` is. */
  readonly tree: string;
  readonly instance = 'default';
  /** A folder that programs see as `/tmp/job`. */
  readonly work: string;
  readonly #folder: string;
  readonly #program: ChildProcess;

  private constructor(folder: string, program: ChildProcess, tree: string) {
    this.#folder = folder;
    this.#program = program;
    this.tree = tree;
    this.work = join(folder, 'work');
    for (const path of [
      'mdevctl.d/scripts.d/callouts',
      'mdevctl.d/scripts.d/notifiers',
      'env/sys',
      'env/etc/mdevctl.d',
    ]) {
      mkdirSync(join(this.work, path), { recursive: true });
    }
    for (const path of ['callouts', 'notifiers']) {
      mkdirSync(join(this.work, 'env/usr/lib/mdevctl/scripts.d', path), { recursive: true });
    }
  }

  /** Starts `mediated up` with every driver, and waits until it is ready. */
  static async start(...words: string[]): Promise<Stage> {
    const folder = mkdtempSync(join(tmpdir(), 'mediated-clients-'));
    const program = spawn(process.execPath, [PROGRAM, 'up', '--json', ...words], {
      env: { ...process.env, XDG_RUNTIME_DIR: folder },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    for await (const line of createInterface({ input: program.stdout })) {
      const event = JSON.parse(line) as { event: string; tree?: string };
      if (event.event !== 'ready') continue;
      if (typeof event.tree !== 'string') throw new Error('no tree was mounted');
      program.stdout.resume();
      return new Stage(folder, program, event.tree);
    }
    throw new Error(`mediated up has ended with ${program.exitCode}`);
  }

  /** Runs a program of a release on the tree. */
  run(release: Release, words: readonly string[], options: RunOptions = {}): Promise<Ended> {
    const { environmentRoot = false, network = false, input = '' } = options;
    const root = join(process.env.MEDIATED_CLIENTS ?? '', release);
    const namespaces = network ? '-mpn' : '-mp';
    return finish(
      spawn(
        'unshare',
        [
          namespaces,
          '--fork',
          '--kill-child',
          'bash',
          '-c',
          ENTER,
          'bash',
          root,
          this.tree,
          this.work,
          environmentRoot ? 'yes' : '',
          ...words,
        ],
        { stdio: ['pipe', 'pipe', 'pipe'] },
      ),
      input,
    );
  }

  /** Runs a script of the machine's own bash in the tree. */
  bash(script: string): Promise<Ended> {
    return finish(
      spawn('bash', ['-c', script], { cwd: this.tree, env: { ...process.env, LANG: 'C', LC_ALL: 'C' } }),
      '',
    );
  }

  /** Runs a block of a page, with a folder of programs in front of PATH. `mediated` reaches this instance. */
  blocks(bin: string, script: string): Promise<Ended> {
    const env = {
      ...process.env,
      PATH: `${bin}:${process.env.PATH}`,
      XDG_RUNTIME_DIR: this.#folder,
      LANG: 'C',
      LC_ALL: 'C',
    };
    return finish(spawn('bash', ['-c', script], { cwd: this.#folder, env }), '');
  }

  /** Runs another command of `mediated` on this instance. */
  mediated(...words: string[]): Promise<Ended> {
    const env = { ...process.env, XDG_RUNTIME_DIR: this.#folder };
    return finish(spawn(process.execPath, [PROGRAM, ...words], { env, stdio: ['pipe', 'pipe', 'pipe'] }), '');
  }

  /** Follows the uevents as `mediated events --json` prints them, once it resolves. Aborting ends it. */
  async follow(signal: AbortSignal, heard: (line: string) => void): Promise<void> {
    const program = spawn(process.execPath, [PROGRAM, 'events', '--json'], {
      env: { ...process.env, XDG_RUNTIME_DIR: this.#folder },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    createInterface({ input: program.stdout }).on('line', heard);
    signal.addEventListener('abort', () => program.kill('SIGTERM'), { once: true });
    await once(program.stderr, 'data');
  }

  /** Writes a file that programs see as `/tmp/job/<name>`. */
  put(name: string, text: string): void {
    const path = join(this.work, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }

  /** Ends it; resolves to its exit status. */
  async close(): Promise<number | null> {
    const exited = once(this.#program, 'exit');
    this.#program.kill('SIGINT');
    const [status] = await exited;
    rmSync(this.#folder, { recursive: true, force: true });
    return status as number | null;
  }
}

async function finish(program: ChildProcess, input: string): Promise<Ended> {
  const texts = { stdout: '', stderr: '' };
  program.stdout?.setEncoding('utf8').on('data', (text: string) => {
    texts.stdout += text;
  });
  program.stderr?.setEncoding('utf8').on('data', (text: string) => {
    texts.stderr += text;
  });
  program.stdin?.on('error', () => {});
  program.stdin?.end(input);
  const [status] = await once(program, 'close');
  return { status: status as number | null, ...texts };
}
