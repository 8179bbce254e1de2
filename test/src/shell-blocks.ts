/**
 * The shell blocks of the pages, and what runs each: `clients/shell-blocks.test.ts` here, or another test that does what the block
 * says. For the tests of pages.
 */
import { pages } from './pages.js';

export interface ShellBlock {
  readonly page: string;
  /** The block's first line, which names it. */
  readonly first: string;
  readonly script: string;
}

/** Every shell block of every page. */
export const shellBlocks: readonly ShellBlock[] = pages.flatMap(({ name: page, text }) =>
  [...text.matchAll(/^```(?:sh|bash|shell|console)\n([\s\S]*?)^```/gm)].map(([, script]) => {
    return { page, first: script.split('\n')[0], script };
  }),
);

/** Blocks that are run on a mounted tree as they stand, but for its path. */
export const ON_THE_TREE: readonly (readonly [page: string, first: string])[] = [
  ['README.md', 'SYS=/tmp/machine UUID=83b8f4f2-509f-382f-3c1e-e6bfe0fa1001'],
  ['README.md', "unshare -m bash -c 'mount --make-rprivate /; mount --rbind /tmp/machine /sys; mdevctl types'"],
  ['docs/cli.md', 'tree=/tmp/mediated-sysfs-o5Dobt'],
  [
    'docs/cli.md',
    'mkdir -p /tmp/root/sys /tmp/root/etc/mdevctl.d /tmp/root/usr/lib/mdevctl/scripts.d/{callouts,notifiers}',
  ],
  ['docs/sysfs.md', 'cd /tmp/mediated-sysfs-XXXXXX'],
];

/** Blocks that others run, by their first line. */
export const ELSEWHERE: Readonly<Record<string, string>> = {
  'npx -y pnpm@12 start   # the demo': 'packages/cli/src/main.e2e.test.ts',
  'npx -y pnpm@12 mediated up --at /tmp/machine': 'packages/cli/src/up/up.e2e.test.ts',
  'npx -y pnpm@12 build && node examples/adder/dist/main.js': 'test/src/examples.e2e.test.ts',
  'npx -y pnpm@12 build && node test/dist-fixtures/tours/asking.fixture.js && node test/dist-fixtures/tours/accounts.fixture.js':
    'test/src/tours.e2e.test.ts',
  'packages=$(mktemp -d)': 'test/src/own-project.e2e.test.ts',
  'npx tsc --target es2024 --module nodenext --types node *.ts && node asking.js': 'test/src/own-project.e2e.test.ts',
  'git clone <this repository> && cd <it>': '.ci/run',
  'mediated up': 'packages/cli/src/up/up.e2e.test.ts',
  'mediated up     # a runtime with every driver, and its tree; says where it is': 'packages/cli/src/up/up.e2e.test.ts',
  'mediated up --socket-dir /tmp/vm &   # go on when it says ready': 'packages/cli/src/up/sockets.e2e.test.ts',
  'echo \'{"request":"list"}\' | nc -NU "$XDG_RUNTIME_DIR/mediated/default.sock"':
    'packages/cli/src/control/control.test.ts',
  'pnpm test:oracle                 # a line per difference, then counts': 'test/src/oracle/oracle.e2e.test.ts',
  'pnpm test:history': '.ci/run',
  'pnpm explore                                   # the bounded form, this table: three to five minutes on two cores':
    '.ci/run',
  'npx -y pnpm@12 mediated up --no-mount --driver examples/adder/dist/adder.js --socket-dir /tmp/vm':
    'test/src/qemu/readme-tour.test.ts',
  'npx -y pnpm@12 mediated create adder adder-card': 'test/src/qemu/readme-tour.test.ts',
  'npx -y pnpm@12 build': 'test/src/fleet/readme.test.ts',
  'nats-server -js &': 'test/src/fleet/readme.test.ts',
};
