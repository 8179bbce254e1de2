/**
 * A GPU that is shared out, and the types of its vGPUs (gvt sections 1 and 2). Made of the load options on the
 * supervising thread; pure.
 */
import { MediatedError } from '@mediated/core';

export const MEGABYTE = 2 ** 20;
export const PAGE_BYTES = 4096;

/** What the host keeps for itself. */
const HOST_LOW = 128 * MEGABYTE;
const HOST_HIGH = 384 * MEGABYTE;
const HOST_FENCES = 4;
/** Most fence registers that are managed. */
const MAX_FENCES = 32;

/** Load options: the GPU. */
export interface GvtOptions {
  /** Default `skylake`. */
  readonly platform?: Platform;
  /** Megabytes of graphics memory that the processor can map, the aperture: a power of two. Default 512. */
  readonly aperture?: number;
  /** Megabytes of graphics memory in all. Default 4096. */
  readonly memory?: number;
  /** Fence registers, up to 32. Default 32. */
  readonly fences?: number;
}

const PLATFORMS = ['broadwell', 'skylake', 'kabylake', 'broxton', 'coffeelake', 'cometlake'] as const;
export type Platform = (typeof PLATFORMS)[number];

/** The GPU: sizes in bytes. */
export interface Hardware {
  readonly platform: Platform;
  readonly aperture: number;
  readonly total: number;
  readonly fences: number;
}

/** A kind of vGPU: sizes in bytes. */
export interface Configuration {
  /** As many of them fill a GPU of the usual size. */
  readonly number: number;
  readonly low: number;
  readonly high: number;
  readonly fences: number;
  /** Share of the GPU under contention, 1 to 16. */
  readonly weight: number;
  readonly width: number;
  readonly height: number;
}

/** In the order in which they are offered. */
export const CONFIGURATIONS: readonly Configuration[] = [
  configuration(8, 64, 384, 1024, 768),
  configuration(4, 128, 512, 1920, 1200),
  configuration(2, 256, 1024, 1920, 1200),
  configuration(1, 512, 2048, 1920, 1200),
];

function configuration(number: number, low: number, high: number, width: number, height: number): Configuration {
  return { number, low: low * MEGABYTE, high: high * MEGABYTE, fences: 4, weight: 16 / number, width, height };
}

/** Where vGPUs may lie in graphics memory, in bytes from its beginning, and how many fences they have together. */
export interface Limits {
  readonly low: readonly [start: number, end: number];
  readonly high: readonly [start: number, end: number];
  /** The first of their fence registers, and the one behind the last. */
  readonly fences: readonly [start: number, end: number];
}

export function limitsOf({ aperture, total, fences }: Hardware): Limits {
  return { low: [HOST_LOW, aperture], high: [aperture + HOST_HIGH, total], fences: [HOST_FENCES, fences] };
}

/** The configurations that a GPU offers: up to the first whose low memory does not fit beside the host's. */
export function offered(hardware: Hardware): readonly Configuration[] {
  const tooLarge = CONFIGURATIONS.findIndex(({ low }) => low > hardware.aperture - HOST_LOW);
  return tooLarge < 0 ? CONFIGURATIONS : CONFIGURATIONS.slice(0, tooLarge);
}

export function typeName({ platform }: Hardware, { number }: Configuration): string {
  return `GVTg_V${platform === 'broadwell' ? 4 : 5}_${number}`;
}

export function describe({ low, high, fences, width, height, weight }: Configuration): string {
  const lines = [
    `low_gm_size: ${low / MEGABYTE}MB`,
    `high_gm_size: ${high / MEGABYTE}MB`,
    `fence: ${fences}`,
    `resolution: ${width}x${height}`,
    `weight: ${weight}`,
  ];
  return `${lines.join('\n')}\n`;
}

/** The GPU that load options describe. EINVAL names the option that is wrong. */
export function hardwareOf(options: unknown): Hardware {
  const given = (options ?? {}) as GvtOptions;
  if (typeof given !== 'object') throw invalid('the options are an object');
  const { platform = 'skylake', aperture = 512, memory = 4096, fences = MAX_FENCES } = given;
  if (!PLATFORMS.includes(platform)) throw invalid(`platform is ${platform}; it is one of ${PLATFORMS.join(', ')}`);
  if (!Number.isInteger(Math.log2(aperture)) || aperture < 128 || aperture > 2048) {
    throw invalid(`aperture is ${aperture}; it is a power of two from 128 to 2048 (MB)`);
  }
  if (!Number.isInteger(memory) || memory < aperture + HOST_HIGH / MEGABYTE || memory > 4096) {
    throw invalid(`memory is ${memory}; it is a whole number from aperture + 384 to 4096 (MB)`);
  }
  if (!Number.isInteger(fences) || fences < HOST_FENCES || fences > MAX_FENCES) {
    throw invalid(`fences is ${fences}; it is a whole number from ${HOST_FENCES} to ${MAX_FENCES}`);
  }
  return { platform, aperture: aperture * MEGABYTE, total: memory * MEGABYTE, fences };
}

function invalid(message: string): MediatedError {
  return new MediatedError('EINVAL', message, { syscall: 'loadDriver' });
}
