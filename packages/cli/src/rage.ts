/**
 * A storm on a bench with everything that is shown of it: progress, tables, verdict, exit status. Called by the
 * commands `demo` and `stress`.
 */
import { counted, whole } from './counted.js';
import { INTERRUPTED } from './interruption.js';
import { Progress } from './progress.js';
import type { Stage } from './stage.js';
import type { Bench } from './storm/bench.js';
import { formatReport, verdictOf } from './storm/report.js';
import { Storm, type StormLimits } from './storm/storm.js';
import { columnsOf, painter } from './terminal.js';

/** Widest output. */
const MOST_COLUMNS = 80;

/** Lets a storm rage and answers the exit status. The bench has no parents afterwards. */
export async function rage(bench: Bench, limits: StormLimits, { output, signal }: Stage): Promise<number> {
  const progress = new Progress(output);
  const paint = painter(output);
  const report = await new Storm(bench, limits, {
    signal,
    progress: (operations, seconds, gone) => {
      const rate = whole(operations / Math.max(seconds, 0.1));
      const devices = bench.bus.mdevs().length;
      progress.update(
        `${seconds.toFixed(0).padStart(3)} s  ${whole(operations)} operations, ${rate} per s  ${counted(devices, 'device')}  ${counted(gone, 'parent')} gone`,
      );
    },
  })
    .run()
    .finally(() => progress.end());
  const held = report.violations.length === 0;
  const lines = formatReport(report, paint, Math.min(columnsOf(output), MOST_COLUMNS));
  output.write(`${['', ...lines, '', paint(held ? 'good' : 'bad', verdictOf(report))].join('\n')}\n`);
  if (!held) return 1;
  return report.interrupted ? INTERRUPTED : 0;
}
