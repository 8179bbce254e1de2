/**
 * A device's file for people: typed methods over the same ioctls that its binary face takes. Base of `DeviceFile`. Each
 * fails as the device answers: the errnos are those of the user API. `...Sync` forms block.
 */
import { AnonymousFileHandle } from '../anonymous-handle.js';
import type { IovaRange } from '../logging/iova-range.js';
import type { PassableFile } from '../passed-file.js';
import { RemoteFile } from '../remote-file.js';
import type { MigrationState } from '../uapi/migration.js';
import { type Conversation, converse, converseSync } from './conversation.js';
import {
  type DeviceInfo,
  deviceInfoRequest,
  type IrqInfo,
  type IrqRequest,
  irqInfoRequest,
  type RegionInfo,
  regionInfoRequest,
  resetRequest,
  setIrqsRequest,
} from './device-requests.js';
import {
  type FeatureUse,
  getFeatureRequest,
  migrationDataSizeRequest,
  migrationFlagsRequest,
  migrationStateRequest,
  probeFeatureRequest,
  reportDmaLoggingRequest,
  setFeatureRequest,
  setMigrationStateRequest,
  startDmaLoggingRequest,
  stopDmaLoggingRequest,
} from './feature-requests.js';
import {
  type GfxPlane,
  type GfxPlaneKind,
  gfxDmaBufRequest,
  gfxPlaneRequest,
  probeGfxPlaneRequest,
} from './gfx-requests.js';
import { MigrationDataFile } from './migration-data-file.js';
import {
  type HotResetInfo,
  hotResetInfoRequest,
  hotResetRequest,
  type IoeventfdRequest,
  ioeventfdRequest,
} from './pci-requests.js';

export abstract class TypedDeviceFile extends RemoteFile {
  /** What the device is. */
  info(): Promise<DeviceInfo> {
    return this.#ask(deviceInfoRequest());
  }

  infoSync(): DeviceInfo {
    return this.#askSync(deviceInfoRequest());
  }

  /** A region, with its capabilities decoded. EINVAL: there is none of this index. */
  regionInfo(index: number): Promise<RegionInfo> {
    return this.#ask(regionInfoRequest(index));
  }

  regionInfoSync(index: number): RegionInfo {
    return this.#askSync(regionInfoRequest(index));
  }

  /** An interrupt index. EINVAL: there is none. */
  irqInfo(index: number): Promise<IrqInfo> {
    return this.#ask(irqInfoRequest(index));
  }

  irqInfoSync(index: number): IrqInfo {
    return this.#askSync(irqInfoRequest(index));
  }

  /** Binds, masks, unmasks or fires interrupts. EINVAL: there are no such. ENOTTY: this cannot be done with them. */
  setIrqs(request: IrqRequest): Promise<void> {
    return this.#ask(setIrqsRequest(request));
  }

  setIrqsSync(request: IrqRequest): void {
    this.#askSync(setIrqsRequest(request));
  }

  /** Resets the device. ENOTTY or EINVAL: it cannot be. */
  reset(): Promise<void> {
    return this.#ask(resetRequest());
  }

  resetSync(): void {
    this.#askSync(resetRequest());
  }

  /** Whether the device has a feature (`FEATURES`) for a use. */
  probeFeature(feature: number, use: FeatureUse): Promise<boolean> {
    return this.#ask(probeFeatureRequest(feature, use));
  }

  probeFeatureSync(feature: number, use: FeatureUse): boolean {
    return this.#askSync(probeFeatureRequest(feature, use));
  }

  /** `length` bytes of a feature's data. ENOTTY: the device does not have it. */
  getFeature(feature: number, length: number): Promise<Uint8Array> {
    return this.#ask(getFeatureRequest(feature, length));
  }

  getFeatureSync(feature: number, length: number): Uint8Array {
    return this.#askSync(getFeatureRequest(feature, length));
  }

  /** Sets a feature; returns its data as the device has left it. ENOTTY: the device does not have it. */
  setFeature(feature: number, data: Uint8Array): Promise<Uint8Array> {
    return this.#ask(setFeatureRequest(feature, data));
  }

  setFeatureSync(feature: number, data: Uint8Array): Uint8Array {
    return this.#askSync(setFeatureRequest(feature, data));
  }

  /** `MIGRATION_FLAGS`: what its migration can do. ENOTTY: it cannot be migrated; so with the following. */
  migrationFlags(): Promise<number> {
    return this.#ask(migrationFlagsRequest());
  }

  migrationFlagsSync(): number {
    return this.#askSync(migrationFlagsRequest());
  }

  /** One of `MIGRATION_STATES`. */
  migrationState(): Promise<MigrationState> {
    return this.#ask(migrationStateRequest());
  }

  migrationStateSync(): MigrationState {
    return this.#askSync(migrationStateRequest());
  }

  /**
   * Brings the device into a state. Returns the data file if a session begins with it. EINVAL: there is no way there, or
   * what was written to resume from is no good. After an error it may be in any state on the way.
   */
  async setMigrationState(state: MigrationState): Promise<MigrationDataFile | undefined> {
    return this.#dataFile(await this.#ask(setMigrationStateRequest(state)));
  }

  setMigrationStateSync(state: MigrationState): MigrationDataFile | undefined {
    return this.#dataFile(this.#askSync(setMigrationStateRequest(state)));
  }

  /** The data file behind a `data_fd`, for who speaks in bytes. Close it. */
  migrationData(number: number): MigrationDataFile {
    return new MigrationDataFile(this.actor, number);
  }

  /** Estimate of the bytes that stop-and-copy will move. */
  migrationDataSize(): Promise<number> {
    return this.#ask(migrationDataSizeRequest());
  }

  migrationDataSizeSync(): number {
    return this.#askSync(migrationDataSizeRequest());
  }

  /**
   * The device logs from now on what it writes to these ranges, in pages of `pageSize` bytes; returns the page size that
   * it uses. E2BIG: more than 256. EINVAL: none, not aligned, overlapping. EOVERFLOW: one wraps. ENOTTY: it logs nothing.
   */
  startDmaLogging(ranges: readonly IovaRange[], pageSize = 4096n): Promise<bigint> {
    return this.#ask(startDmaLoggingRequest(ranges, pageSize));
  }

  startDmaLoggingSync(ranges: readonly IovaRange[], pageSize = 4096n): bigint {
    return this.#askSync(startDmaLoggingRequest(ranges, pageSize));
  }

  stopDmaLogging(): Promise<void> {
    return this.#ask(stopDmaLoggingRequest());
  }

  stopDmaLoggingSync(): void {
    this.#askSync(stopDmaLoggingRequest());
  }

  /** What was written in a range since the last report: bit i stands for the page at `iova + i * pageSize`. */
  reportDmaLogging(range: IovaRange, pageSize = 4096n): Promise<Uint8Array> {
    return this.#ask(reportDmaLoggingRequest(range, pageSize));
  }

  reportDmaLoggingSync(range: IovaRange, pageSize = 4096n): Uint8Array {
    return this.#askSync(reportDmaLoggingRequest(range, pageSize));
  }

  /** EINVAL: the device does not show its planes this way. */
  probeGfxPlane(kind: GfxPlaneKind): Promise<void> {
    return this.#ask(probeGfxPlaneRequest(kind));
  }

  probeGfxPlaneSync(kind: GfxPlaneKind): void {
    this.#askSync(probeGfxPlaneRequest(kind));
  }

  /** A plane of the device's display; `planeType`: one of `DRM_PLANE_TYPES`, default the primary. */
  gfxPlane(kind: GfxPlaneKind, planeType?: number): Promise<GfxPlane> {
    return this.#ask(gfxPlaneRequest(kind, planeType));
  }

  gfxPlaneSync(kind: GfxPlaneKind, planeType?: number): GfxPlane {
    return this.#askSync(gfxPlaneRequest(kind, planeType));
  }

  /** The dma-buf of a plane: map it, close it. EINVAL: there is none of this id. */
  async gfxDmaBuf(id: number): Promise<AnonymousFileHandle> {
    return new AnonymousFileHandle(this.actor, await this.#ask(gfxDmaBufRequest(id)));
  }

  gfxDmaBufSync(id: number): AnonymousFileHandle {
    return new AnonymousFileHandle(this.actor, this.#askSync(gfxDmaBufRequest(id)));
  }

  /** Which devices a hot reset of this one resets too. ENODEV: it cannot be reset so. */
  hotResetInfo(): Promise<HotResetInfo> {
    return this.#ask(hotResetInfoRequest());
  }

  hotResetInfoSync(): HotResetInfo {
    return this.#askSync(hotResetInfoRequest());
  }

  /** Resets it with all those; `groups`: the files of their groups. EINVAL: one is missing. EBUSY, EAGAIN: one is busy. */
  hotReset(groups: readonly PassableFile[]): Promise<void> {
    return this.#ask(hotResetRequest(groups));
  }

  hotResetSync(groups: readonly PassableFile[]): void {
    this.#askSync(hotResetRequest(groups));
  }

  /** Lets the device write its own registers when a counter is signalled. */
  ioeventfd(request: IoeventfdRequest): Promise<void> {
    return this.#ask(ioeventfdRequest(request));
  }

  ioeventfdSync(request: IoeventfdRequest): void {
    this.#askSync(ioeventfdRequest(request));
  }

  #ask<T>(conversation: Conversation<T>): Promise<T> {
    return converse(this, conversation);
  }

  #askSync<T>(conversation: Conversation<T>): T {
    return converseSync(this, conversation);
  }

  #dataFile(number: number | undefined): MigrationDataFile | undefined {
    return number === undefined ? undefined : this.migrationData(number);
  }
}
