import { Runtime } from '@mediated/core';
import { mttyUrl } from '@mediated/vendors';
import { Descriptors, openContainer, openDeviceNode, openGroup, openIommufd } from '@mediated/vfio';
import { EXTENSIONS, GROUP_GET_DEVICE_FD, GROUP_SET_CONTAINER, SET_IOMMU } from '@mediated/vfio/uapi';

await using runtime = Runtime.start();
await runtime.loadDriver(mttyUrl, { parents: [{ name: 'mtty' }] });
const port = await runtime.bus.parent('mtty').create('mtty-1');

async function byItsGroup() {
  const group = await openGroup(runtime.bus, port);
  const container = await openContainer(runtime.bus);
  await group.setContainer(container);
  await container.setIommu(EXTENSIONS.type1v2);

  const memory = new SharedArrayBuffer(1024 * 1024);
  await container.map({ memory, iova: 0n });
  const file = await group.openDevice(port.uuid);
  console.log('by its group:', (await file.info()).regions, 'regions,', await container.unmap(), 'bytes unmapped');
  for (const each of [file, container, group]) await each.close();
}

async function byItsNode() {
  const memory = new SharedArrayBuffer(1024 * 1024);
  const context = await openIommufd(runtime.bus);
  const ioas = await context.allocateIoas();
  await context.map(ioas, { memory, iova: 0n });
  const node = await openDeviceNode(runtime.bus, port);
  await node.bind(context); // the first open: until then everything else is EINVAL
  await node.attach(ioas); // again: replaces; detach() leaves
  console.log('by its node:', (await node.info()).regions, 'regions');
  for (const each of [node, context]) await each.close();
}

async function byDescriptors() {
  const program = new Descriptors(runtime.bus);
  const container = await program.open('/dev/vfio/vfio');
  const group = await program.open(`/dev/vfio/${port.group}`);
  await program.ioctl(group, GROUP_SET_CONTAINER, new Uint8Array(Int32Array.of(container).buffer));
  await program.ioctl(container, SET_IOMMU, EXTENSIONS.type1v2);
  const device = await program.ioctl(group, GROUP_GET_DEVICE_FD, Buffer.from(`${port.uuid}\0`));
  console.log('descriptors:', container, group, device);
  await program.closeAll();
}

await byItsGroup();
await byItsNode();
await byDescriptors();
