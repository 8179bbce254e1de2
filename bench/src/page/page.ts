/**
 * The page of all results: `bench/results/index.html`, one file that needs nothing else. Pure; called by `main.ts`.
 * What several machines measured of one thing stands side by side.
 */
import { meets, type Spread } from '../figures.js';
import type { Curves, Unit } from '../harness/part.js';
import { formatMark, formatNumber, formatSpread } from '../report.js';
import type { FigureResult, PartOutcome, SuiteResult } from '../results.js';
import { curves, dots, rowOf } from './plots.js';
import { STYLE } from './style.js';

const UNITS: Readonly<Record<Unit, { readonly name: string; readonly better: string }>> = {
  '/s': { name: 'a second', better: 'further right is better' },
  ns: { name: 'nanoseconds', better: 'further left is better' },
  us: { name: 'microseconds', better: 'further left is better' },
  ms: { name: 'milliseconds', better: 'further left is better' },
  bytes: { name: 'bytes', better: 'further left is better' },
};

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

/** A picture of one machine; `name` of the machine is said when there are several. */
function picture(svg: string, label: string, machine: string | undefined): string {
  const caption = machine === undefined ? '' : `<figcaption>${escaped(machine)}</figcaption>`;
  const named = svg.replace('<svg ', `<svg role="img" aria-label="${escaped(label)}" `);
  return `<figure>${caption}<div class="picture">${named}</div></figure>`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = (tag: string, row: readonly string[]) =>
    row.map((cell) => `<${tag}>${escaped(cell)}</${tag}>`).join('');
  const body = rows.map((row) => `<tr>${cells('td', row)}</tr>`).join('\n');
  return `<div class="table"><table><thead><tr>${cells('th', head)}</tr></thead><tbody>\n${body}\n</tbody></table></div>`;
}

function verdict({ mark, median }: FigureResult): string {
  if (mark === undefined) return '';
  return meets(mark, median) ? 'met' : 'missed';
}

/** How far a figure is beyond its mark: 1 at the mark, more is better whichever way the figure goes. */
function beyond({ mark, median, low, high }: FigureResult): Spread | undefined {
  if (mark === undefined || mark.value <= 0 || low <= 0) return undefined;
  return mark.bound === 'at least'
    ? { median: median / mark.value, low: low / mark.value, high: high / mark.value }
    : { median: mark.value / median, low: mark.value / high, high: mark.value / low };
}

/** Results of one suite on several machines. */
type Machines = readonly SuiteResult[];

/** What is in `parts` of each machine, side by side; nothing where a machine has none. */
function sideBySide<T>(
  machines: Machines,
  part: string,
  find: (part: PartOutcome) => T | undefined,
  show: (found: T) => readonly [svg: string, label: string],
): string {
  const pictures = machines.flatMap((result) => {
    const outcome = result.parts.find(({ name }) => name === part);
    const found = outcome && find(outcome);
    if (found === undefined) return [];
    const [svg, label] = show(found);
    return [picture(svg, label, machines.length > 1 ? result.machine.name : undefined)];
  });
  return `<div class="machines">${pictures.join('\n')}</div>`;
}

/** Pictures and what is said about them; beside each other where there is room and one picture. */
function shown(machines: Machines, pictures: string, words: string): string {
  return `<div class="${machines.length === 1 ? 'beside' : 'below'}">${pictures}<div>${words}</div></div>`;
}

/** What is expected of a part, for below its pictures. */
function marksOf(outcomes: readonly PartOutcome[]): string {
  const marks = new Map(
    outcomes.flatMap(({ figures }) =>
      Object.entries(figures).flatMap(([name, { mark }]) => (mark === undefined ? [] : [[name, mark] as const])),
    ),
  );
  if (marks.size === 0) return 'No mark.';
  const each = [...marks].map(([name, mark]) => `<code>${escaped(`${name} ${formatMark(mark)}`)}</code>`);
  return `${marks.size === 1 ? 'Mark' : 'Marks'}: ${each.join(', ')}.`;
}

function readingsSection(machines: Machines, part: string, unit: Unit, about: string, marks: string): string {
  const { name, better } = UNITS[unit];
  const of = ({ readings }: PartOutcome) => {
    const found = readings.filter((reading) => reading.unit === unit);
    return found.length === 0 ? undefined : found;
  };
  const svgs = sideBySide(machines, part, of, (found) => [
    dots(
      found.map((reading) => rowOf(reading.name, reading)),
      name,
    ),
    found.map((reading) => `${reading.name}: ${formatNumber(reading.median)} ${unit}`).join('; '),
  ]);
  const rows = machines.flatMap(({ machine, parts }) =>
    (parts.find((each) => each.name === part)?.readings ?? [])
      .filter((reading) => reading.unit === unit)
      .map((reading) => [machine.name, reading.name, `${formatNumber(reading.median)} ${unit}`, formatSpread(reading)]),
  );
  const words = `<p>${escaped(about)} A dot is the median of the rounds, its line goes from the lowest to the highest; <b>${better}</b>. ${marks}</p>`;
  return `${shown(machines, svgs, words)}
<details><summary>as a table</summary>${table(['machine', 'reading', 'median', 'min..max'], rows)}</details>`;
}

function curvesSection(machines: Machines, part: string, { title, about, unit, x }: Curves, marks: string): string {
  const of = ({ curves: all }: PartOutcome) => all.find((each) => each.title === title);
  const svgs = sideBySide(machines, part, of, (found) => [curves(found), title]);
  const better = unit === '/s' ? 'higher is better' : 'lower is better';
  const rows = machines.flatMap(({ machine, parts }) =>
    parts
      .filter(({ name }) => name === part)
      .flatMap((outcome) => of(outcome)?.series ?? [])
      .flatMap(({ name, points }) =>
        points.map((point) => [machine.name, name, String(point.x), point.values.map(formatNumber).join(', ')]),
      ),
  );
  const words = `<p>${escaped(about)} Medians of the rounds; <b>${better}</b>. ${marks}</p>`;
  return `<h4>${escaped(title)}</h4>${shown(machines, svgs, words)}
<details><summary>every round</summary>${table(['machine', '', x, unit], rows)}</details>`;
}

function partSection(machines: Machines, part: string): string {
  const outcomes = machines.flatMap(({ machine, parts }) =>
    parts.filter(({ name }) => name === part).map((outcome) => ({ machine: machine.name, outcome })),
  );
  const figures = outcomes.flatMap(({ machine, outcome }) =>
    Object.entries(outcome.figures).map(([name, figure]) => [
      ...(machines.length > 1 ? [machine] : []),
      name,
      formatNumber(figure.median),
      formatSpread(figure),
      figure.mark === undefined ? '' : formatMark(figure.mark),
      verdict(figure),
      figure.about,
    ]),
  );
  const head = [...(machines.length > 1 ? ['machine'] : []), 'figure', 'median', 'min..max', 'mark', '', 'what it is'];
  const units = [...new Set(outcomes.flatMap(({ outcome }) => outcome.readings.map(({ unit }) => unit)))];
  const all = outcomes.flatMap(({ outcome }) => outcome.curves);
  const titles = [...new Set(all.map(({ title }) => title))];
  const [{ about }] = outcomes.map(({ outcome }) => outcome);
  const marks = marksOf(outcomes.map(({ outcome }) => outcome));
  const notes = outcomes.flatMap(({ machine, outcome }) =>
    [...outcome.notes, ...(outcome.failure === undefined ? [] : [`failed: ${outcome.failure}`])].map((note) =>
      machines.length > 1 ? `${machine}: ${note}` : note,
    ),
  );
  return [
    `<h3>${escaped(part)}</h3>`,
    ...units.map((unit) => readingsSection(machines, part, unit, about, marks)),
    ...titles.map((title) => curvesSection(machines, part, all.find((each) => each.title === title) as Curves, marks)),
    ...notes.map((note) => `<p class="note">${escaped(note)}</p>`),
    figures.length === 0 ? '' : table(head, figures),
  ].join('\n');
}

/** Figures with a mark, of each machine. */
function overview(results: readonly SuiteResult[]): string {
  const machines = [...new Set(results.map(({ machine }) => machine.name))];
  const pictures = machines.flatMap((machine) => {
    const rows = results
      .filter((result) => result.machine.name === machine)
      .flatMap(({ suite, parts }) =>
        parts.flatMap(({ figures }) =>
          Object.entries(figures).flatMap(([name, figure]) => {
            const spread = beyond(figure);
            const text = formatNumber(figure.median);
            return spread === undefined ? [] : [{ ...spread, label: `${suite}.${name}`, text }];
          }),
        ),
      );
    if (rows.length === 0) return [];
    const met = rows.filter(({ median }) => median >= 1).length;
    const label = `${met} of ${rows.length} marks met`;
    return [
      picture(dots(rows, 'times the mark', { at: 1, name: 'mark' }), label, machines.length > 1 ? machine : undefined),
    ];
  });
  if (pictures.length === 0) return '';
  return `<h2 id="marks">Marks</h2><div class="machines">${pictures.join('\n')}</div>
<p>Every figure with a mark, as so many times its mark; where a figure is to be low, the mark over it. <b>On the line or right of
it the mark is met.</b> The number beside a dot is the figure itself. A figure
that is to be 0 has no place here; it is in its suite's table.</p>`;
}

/** The page. `results` in the order of their files; `order`: names of the suites in the order of the page. */
export function renderPage(results: readonly SuiteResult[], order: readonly string[]): string {
  const suites = [...new Set(results.map(({ suite }) => suite))].sort((a, b) => order.indexOf(a) - order.indexOf(b));
  const sorted = suites.flatMap((suite) => results.filter((result) => result.suite === suite));
  const machines = results.map(({ machine, node, commit, rounds }) => [
    machine.name,
    machine.cpu,
    String(machine.cores),
    `${machine.memoryGiB} GiB`,
    machine.platform,
    node,
    commit,
    String(rounds),
  ]);
  const distinct = [...new Map(machines.map((row) => [row.join(), row])).values()];
  const sections = suites.map((suite) => {
    const of = results.filter((result) => result.suite === suite);
    const parts = [...new Set(of.flatMap((result) => result.parts.map(({ name }) => name)))];
    return `<section><h2 id="${escaped(suite)}">${escaped(suite)}</h2><p>${escaped(of[0].about)}</p>
${parts.map((part) => partSection(of, part)).join('\n')}</section>`;
  });
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Mediated: benchmarks</title>
<style>${STYLE}</style>
</head>
<body>
<header><h1>Mediated: benchmarks</h1>
<p>What is compared was measured in turn, round by round, each part in a fresh process. What the figures mean and where the time
goes is in <code>docs/performance.md</code>; this page is written by <code>pnpm bench</code>.</p>
<nav>${['marks', ...suites].map((name) => `<a href="#${escaped(name)}">${escaped(name)}</a>`).join(' ')}</nav></header>
${table(['machine', 'processor', 'cores', 'memory', 'platform', 'Node', 'commit', 'rounds'], distinct)}
${overview(sorted)}
${sections.join('\n')}
</body>
</html>
`;
}
