/**
 * DEVICE_FEATURE and the messages of migration data. Where the user API has a descriptor or an address, the protocol has
 * the data itself. Lives on the device's thread.
 */
import type { MigrationDataFile } from '@mediated/vfio';
import {
  DEVICE_FEATURE,
  DEVICE_FEATURE_BYTES,
  deviceFeature,
  dmaLoggingRange,
  FEATURE_FLAGS,
  FEATURE_INDEX_MASK,
  FEATURES,
  featureMigState,
  MAX_LOGGING_RANGES,
  type MigrationState,
} from '@mediated/vfio/uapi';
import { loggingReport, loggingStart, migrationData } from '../protocol/payloads.js';
import type { AttachedDevice } from './attached-device.js';
import { assertBytes, refusal } from './refusal.js';

const { get, set, probe } = FEATURE_FLAGS;

export class Features {
  readonly #device: AttachedDevice;
  readonly #mostBytes: number;
  /** Of the migration that is under way. */
  #data: MigrationDataFile | undefined;

  constructor(device: AttachedDevice, mostBytes: number) {
    this.#device = device;
    this.#mostBytes = mostBytes;
  }

  /** DEVICE_FEATURE; what the device answers, and EINVAL. */
  async feature(payload: Uint8Array): Promise<Uint8Array> {
    assertBytes(payload, DEVICE_FEATURE_BYTES);
    const { argsz, flags } = deviceFeature.decode(payload);
    if (argsz < payload.length || argsz > this.#mostBytes) throw refusal('EINVAL', `argsz ${argsz}`);
    const data = payload.subarray(DEVICE_FEATURE_BYTES);
    const index = flags & FEATURE_INDEX_MASK;
    if ((flags & probe) === 0) {
      if (index === FEATURES.migDeviceState && (flags & set) !== 0) return answered(flags, await this.#setState(data));
      if (index === FEATURES.dmaLoggingStart && (flags & set) !== 0)
        return answered(flags, await this.#startLogging(data));
      if (index === FEATURES.dmaLoggingReport && (flags & get) !== 0) {
        return answered(flags, await this.#report(data, argsz));
      }
    }
    // A get announces by argsz how much it wants; what the message itself lacks are zeros.
    const argument = new Uint8Array(argsz);
    argument.set(payload);
    await this.#device.file.ioctl(DEVICE_FEATURE, argument);
    return argument;
  }

  /** MIG_DATA_READ: what is next of the state that is being saved. EINVAL: none is. */
  async readData(payload: Uint8Array): Promise<Uint8Array> {
    assertBytes(payload, migrationData.size);
    const { argsz, size } = migrationData.decode(payload);
    if (argsz < migrationData.size || size > this.#mostBytes) throw refusal('EINVAL', `argsz ${argsz}, size ${size}`);
    const bytes = await this.#session().readNext(size);
    const answer = { argsz: migrationData.size + bytes.length, size: bytes.length };
    const reply = migrationData.bytes(answer, migrationData.size + bytes.length);
    reply.set(bytes, migrationData.size);
    return reply;
  }

  /** MIG_DATA_WRITE: more of the state from which the device is to resume. EINVAL: it is not resuming. */
  async writeData(payload: Uint8Array): Promise<Uint8Array> {
    assertBytes(payload, migrationData.size);
    const { argsz, size } = migrationData.decode(payload);
    if (argsz < migrationData.size || payload.length !== migrationData.size + size) {
      throw refusal('EINVAL', `argsz ${argsz}, size ${size}, ${payload.length} bytes`);
    }
    const session = this.#session();
    for (let done = 0; done < size; ) {
      const taken = await session.writeNext(payload.subarray(migrationData.size + done));
      if (taken === 0) throw refusal('ENOSPC', 'the device takes no more');
      done += taken;
    }
    return payload.slice(0, migrationData.size);
  }

  async close(): Promise<void> {
    const data = this.#data;
    this.#data = undefined;
    await data?.close();
  }

  #session(): MigrationDataFile {
    if (this.#data !== undefined) return this.#data;
    throw refusal('EINVAL', 'there are no migration data now');
  }

  async #setState(data: Uint8Array): Promise<Uint8Array> {
    assertBytes(data, featureMigState.size);
    const { device_state: state } = featureMigState.decode(data);
    const session = await this.#device.file.setMigrationState(state as MigrationState);
    if (session !== undefined) {
      await this.close();
      this.#data = session;
    }
    return featureMigState.bytes({ device_state: state, data_fd: -1 });
  }

  async #startLogging(data: Uint8Array): Promise<Uint8Array> {
    assertBytes(data, loggingStart.size);
    const { page_size: pageSize, num_ranges: count } = loggingStart.decode(data);
    if (count > MAX_LOGGING_RANGES) throw refusal('E2BIG', `${count} ranges`);
    assertBytes(data, loggingStart.size + count * dmaLoggingRange.size);
    const ranges = Array.from({ length: count }, (_, at) =>
      dmaLoggingRange.decode(data.subarray(loggingStart.size + at * dmaLoggingRange.size)),
    );
    const answer = data.slice();
    loggingStart.encode(answer, { page_size: await this.#device.file.startDmaLogging(ranges, pageSize) });
    return answer;
  }

  async #report(data: Uint8Array, argsz: number): Promise<Uint8Array> {
    assertBytes(data, loggingReport.size);
    const { iova, length, page_size: pageSize } = loggingReport.decode(data);
    if (pageSize === 0n || length / pageSize / 8n > BigInt(this.#mostBytes)) throw refusal('EINVAL', 'the bitmap');
    const bitmap = await this.#device.file.reportDmaLogging({ iova, length }, pageSize);
    if (argsz < DEVICE_FEATURE_BYTES + loggingReport.size + bitmap.length) {
      throw refusal('EINVAL', `argsz is ${argsz}; the bitmap has ${bitmap.length} bytes`);
    }
    const answer = new Uint8Array(loggingReport.size + bitmap.length);
    answer.set(data.subarray(0, loggingReport.size));
    answer.set(bitmap, loggingReport.size);
    return answer;
  }
}

function answered(flags: number, data: Uint8Array): Uint8Array {
  const argsz = DEVICE_FEATURE_BYTES + data.length;
  const answer = deviceFeature.bytes({ argsz, flags }, argsz);
  answer.set(data, DEVICE_FEATURE_BYTES);
  return answer;
}
