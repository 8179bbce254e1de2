import { Runtime } from '@mediated/core';
import { openContainer, openGroup, openKvm } from '@mediated/vfio';
import { EXTENSIONS } from '@mediated/vfio/uapi';

await using runtime = Runtime.start();
await runtime.loadDriver(new URL('./gvt-driver.fixture.js', import.meta.url), {
  options: { aperture: 512, memory: 4096, fences: 32 }, // the GPU
});
const gpu = runtime.bus.parent('0000:00:02.0');
const available = () => Promise.all(gpu.types.map(async ({ id }) => `${id}: ${await gpu.availableInstances(id)}`));
console.log(await available());
const vgpu = await gpu.create('i915-GVTg_V5_4');
console.log(await available());

await using container = await openContainer(runtime.bus);
await using group = await openGroup(runtime.bus, vgpu.group ?? -1);
await group.setContainer(container);
await container.setIommu(EXTENSIONS.type1v2);
const memory = new Uint8Array(new SharedArrayBuffer(2 ** 20));
await container.map({ memory: memory.buffer, iova: 0n });
await using kvm = await openKvm(runtime.bus);
await group.setKvm(kvm); // a vGPU without a virtual machine cannot be opened
await using file = await group.openDevice(vgpu.uuid);

const { size, areas } = await file.regionInfo(2);
console.log('aperture: %d bytes, of which the vGPU has', size, areas);

// The guest puts its page 3 into the page table, at the first page of its slice. The driver below copies what lies there.
memory.set(new TextEncoder().encode('from the guest'), 0x3000);
await file.write(0x80_0000 + (0x800_0000 / 4096) * 8, new Uint8Array(Uint32Array.of(0x3001).buffer));
await file.write(0x2000, Uint8Array.of(1, 0, 0, 0));
const slice = await file.mmap(2 * 2 ** 40 + 0x800_0000, 4096);
console.log(Buffer.from(slice.subarray(0, 14)).toString());
