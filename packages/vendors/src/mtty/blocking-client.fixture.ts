/** A client thread for tests: does with the card of `workerData` what a program does, blocking, and posts what came out. */
import { parentPort, workerData } from 'node:worker_threads';
import { BusClient, type BusTicket } from '@mediated/core';
import { InterruptCounter, type MigrationDataFile, openDeviceSync } from '@mediated/vfio';
import { FEATURES, MIGRATION_STATES } from '@mediated/vfio/uapi';

const { ticket, uuid } = workerData as { ticket: BusTicket; uuid: string };
const client = BusClient.attach(ticket);
const { stopCopy, preCopy, resuming, running } = MIGRATION_STATES;

/** The errno's name of what fails. */
function codeOf(operation: () => unknown): string {
  try {
    operation();
    return 'nothing';
  } catch (error) {
    return (error as { code: string }).code;
  }
}

function converse() {
  using file = openDeviceSync(client.bus, uuid);
  const { flags, regions, irqs } = file.infoSync();
  const config = file.regionInfoSync(7);
  const counter = InterruptCounter.create();
  file.setIrqsSync({ index: 1, action: 'trigger', counters: [counter] });
  file.setIrqsSync({ index: 1, action: 'trigger', count: 1 });
  const signals = counter.waitSync();
  file.writeSync(7, Uint8Array.of(0x5a));

  using early = file.setMigrationStateSync(preCopy) as MigrationDataFile;
  const precopy = early.precopyInfoSync();
  const state = file.migrationStateSync();
  file.resetSync();
  using saved = file.setMigrationStateSync(stopCopy) as MigrationDataFile;
  const image = saved.readNextSync(1024);
  const size = file.migrationDataSizeSync();
  file.resetSync();
  file.writeSync(7, Uint8Array.of(0));
  using loaded = file.setMigrationStateSync(resuming) as MigrationDataFile;
  loaded.writeNextSync(image);
  file.setMigrationStateSync(running);

  const range = { iova: 0n, length: 0x1000n };
  const logged = [file.startDmaLoggingSync([range]), file.reportDmaLoggingSync(range).length];
  file.stopDmaLoggingSync();
  return {
    info: [flags, regions, irqs],
    config: [config.size, config.offset],
    irq: [file.irqInfoSync(0).flags, file.irqInfoSync(1).flags, signals],
    precopy,
    state,
    image: [image.length, size],
    scratch: file.readSync(7, 1)[0],
    logged,
    features: [
      file.migrationFlagsSync(),
      file.probeFeatureSync(FEATURES.busMaster, 'set'),
      file.getFeatureSync(FEATURES.migration, 8)[0],
      codeOf(() => file.setFeatureSync(FEATURES.busMaster, new Uint8Array(4))),
    ],
    refused: [
      codeOf(() => file.gfxPlaneSync('region')),
      codeOf(() => file.probeGfxPlaneSync('region')),
      codeOf(() => file.gfxDmaBufSync(1)),
      codeOf(() => file.hotResetInfoSync()),
      codeOf(() => file.hotResetSync([])),
      codeOf(() => file.ioeventfdSync({ position: 0, data: 1n, bytes: 1, counter })),
      codeOf(() => file.regionInfoSync(9)),
    ],
  };
}

try {
  parentPort?.postMessage(converse());
} catch (error) {
  parentPort?.postMessage(String(error));
}
