/**
 * Draws the pictures of the page as SVG, without a browser. Pure; called by `page.ts`. echarts wants colours that it
 * can take apart, the page wants colours that follow the reader's light or dark: so pictures are drawn in stand-ins,
 * which are replaced by the page's variables afterwards.
 */
import { type EChartsOption, init } from 'echarts';
import type { Curves } from '../harness/part.js';
import { median } from '../figures.js';
import { formatNumber } from '../report.js';

/** Width of a picture, in pixels of the page. */
const WIDTH = 680;
const ROW = 28;
const INK = '#010203';
const FAINT = '#010204';
const MARK = '#010205';
const SERIES = ['#0a0b01', '#0a0b02', '#0a0b03', '#0a0b04', '#0a0b05', '#0a0b06', '#0a0b07'];

/** Told apart without their colours. The first series is this package's. */
const SYMBOLS = ['circle', 'rect', 'triangle', 'diamond', 'emptyCircle', 'emptyRect', 'emptyTriangle'] as const;

/** Stand-ins, and the page's variables for them. */
const VARIABLES: readonly (readonly [string, string])[] = [
  [INK, '--ink'],
  [FAINT, '--faint'],
  [MARK, '--mark'],
  ...SERIES.map((colour, index) => [colour, `--series-${index + 1}`] as const),
];

/** A row of a picture of dots: a median with a line from the lowest round to the highest. */
export interface Row {
  readonly label: string;
  readonly median: number;
  readonly low: number;
  readonly high: number;
  /** Beside the dot. */
  readonly text: string;
}

const text = { color: INK, fontFamily: 'sans-serif', fontSize: 12 } as const;
const axis = {
  axisLine: { lineStyle: { color: FAINT } },
  axisTick: { lineStyle: { color: FAINT } },
  splitLine: { show: true, lineStyle: { color: FAINT } },
  nameTextStyle: text,
} as const;

/** `1 k`, `2.5 M`: for axes. */
function short(value: number): string {
  for (const [unit, name] of [
    [1e9, 'G'],
    [1e6, 'M'],
    [1e3, 'k'],
  ] as const) {
    if (Math.abs(value) >= unit) return `${Number((value / unit).toPrecision(3))} ${name}`;
  }
  return String(Number(value.toPrecision(3)));
}

function draw(option: EChartsOption, height: number): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height });
  try {
    chart.setOption({ animation: false, color: SERIES, textStyle: text, ...option });
    let svg = chart.renderToSVGString({ useViewBox: true });
    for (const [colour, variable] of VARIABLES) svg = svg.replaceAll(colour, `var(${variable})`);
    // Rules for a mouse above the picture, which a picture without a program has no use for.
    return svg.replaceAll(/<style[\s\S]*?<\/style>/g, '').replaceAll(/ class="zr[^"]*"/g, '');
  } finally {
    chart.dispose();
  }
}

/** Dots on one axis, from the first row at the top; on a logarithmic axis when they lie far apart. `line`: a vertical line. */
export function dots(
  rows: readonly Row[],
  axisName: string,
  line?: { readonly at: number; readonly name: string },
): string {
  const shown = rows.map(({ low, high, median: middle, ...row }) => ({ ...row, low, high, median: middle }));
  const values = shown.flatMap(({ low, high }) => [low, high]).concat(line === undefined ? [] : [line.at]);
  const logarithmic = Math.min(...values) > 0 && Math.max(...values) / Math.min(...values) > 8;
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const bounds = logarithmic
    ? { min: 10 ** Math.floor(Math.log10(least)), max: 10 ** Math.ceil(Math.log10(most * 1.01)) }
    : { min: 0, boundaryGap: [0, '12%'] as [number, string], ...(most === 0 ? { max: 1 } : {}) };
  return draw(
    {
      grid: { left: 290, right: 80, top: line === undefined ? 8 : 24, bottom: 44 },
      xAxis: {
        ...axis,
        ...bounds,
        type: logarithmic ? 'log' : 'value',
        name: axisName + (logarithmic ? ' (logarithmic)' : ''),
        nameLocation: 'middle',
        nameGap: 28,
        axisLabel: { ...text, formatter: short, hideOverlap: true },
      },
      yAxis: {
        ...axis,
        type: 'category',
        inverse: true,
        data: shown.map(({ label }) => label),
        axisLabel: { ...text, fontSize: 11, interval: 0, width: 250, overflow: 'break', lineHeight: 12 },
        axisTick: { show: false },
        splitLine: { show: false },
      },
      series: [
        {
          type: 'custom',
          silent: true,
          data: shown.map(({ low, high }, index) => [low, index, high]),
          renderItem: (_, api) => {
            const [x1, y] = api.coord([api.value(0), api.value(1)]);
            const [x2] = api.coord([api.value(2), api.value(1)]);
            return {
              type: 'line',
              shape: { x1, y1: y, x2, y2: y },
              style: { stroke: SERIES[0], lineWidth: 3, opacity: 0.45 },
            };
          },
        },
        {
          type: 'scatter',
          silent: true,
          symbolSize: 9,
          itemStyle: { color: SERIES[0], opacity: 1 },
          data: shown.map(({ median: middle }, index) => [middle, index]),
          ...(line === undefined
            ? {}
            : {
                markLine: {
                  silent: true,
                  symbol: 'none',
                  lineStyle: { color: MARK, type: 'solid', width: 2 },
                  label: { ...text, formatter: line.name, position: 'start' },
                  data: [{ xAxis: line.at }],
                },
              }),
        },
        {
          // The numbers: behind the lines, not on them.
          type: 'scatter',
          silent: true,
          symbolSize: 0,
          itemStyle: { opacity: 1 },
          data: shown.map(({ high }, index) => [high, index]),
          label: {
            ...text,
            show: true,
            position: 'right',
            distance: 10,
            formatter: ({ dataIndex }) => shown[dataIndex].text,
          },
        },
      ],
    },
    rows.length * ROW + (line === undefined ? 52 : 68),
  );
}

/** Lines through the medians of curves. */
export function curves({ x, unit, series }: Curves): string {
  const places = [...new Set(series.flatMap(({ points }) => points.map((point) => point.x)))].sort((a, b) => a - b);
  const medians = series.map(({ points }) => new Map(points.map((point) => [point.x, median(point.values)])));
  const values = medians.flatMap((each) => [...each.values()]);
  const far = Math.min(...values) > 0 && Math.max(...values) / Math.min(...values) > 8;
  // A few places at equal distances, whatever numbers they are: threads double, devices grow tenfold.
  const label = (place: number): string =>
    x === 'percentile' ? (place === 100 ? 'longest' : `p${place}`) : short(place);
  const legendRows = series.length === 1 ? 0 : Math.ceil(series.length / 3);
  return draw(
    {
      legend: {
        ...(series.length > 1 ? {} : { show: false }),
        textStyle: text,
        top: 0,
        left: 60,
        itemGap: 14,
        width: WIDTH - 80,
      },
      grid: { left: 76, right: 24, top: 20 + 22 * legendRows, bottom: 48 },
      xAxis: {
        ...axis,
        type: 'category',
        boundaryGap: false,
        data: places.map(label),
        name: x === 'percentile' ? 'share of the asks answered by then' : x,
        nameLocation: 'middle',
        nameGap: 30,
        axisLabel: { ...text, interval: 0 },
      },
      yAxis: {
        ...axis,
        type: far ? 'log' : 'value',
        name: (unit === '/s' ? 'a second' : unit) + (far ? ' (logarithmic)' : ''),
        nameLocation: 'middle',
        nameGap: 56,
        axisLabel: { ...text, formatter: short },
      },
      series: series.map(({ name }, index) => ({
        type: 'line' as const,
        name,
        silent: true,
        symbol: SYMBOLS[index % SYMBOLS.length],
        symbolSize: 8,
        lineStyle: { width: index === 0 ? 3 : 2 },
        data: places.map((place) => medians[index].get(place) ?? '-'),
      })),
    },
    300 + 22 * legendRows,
  );
}

/** A row for a quantity. */
export function rowOf(label: string, spread: Pick<Row, 'median' | 'low' | 'high'>, scale = 1): Row {
  const { median: middle, low, high } = spread;
  return { label, median: middle * scale, low: low * scale, high: high * scale, text: formatNumber(middle) };
}
