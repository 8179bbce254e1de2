/** The attribute model, used as sysfs is: shown in docs/mdev.md. Run by pages.test.ts. */
import { attributeDirectory, openAttribute, Runtime } from '@mediated/core';
import { mttyUrl } from '@mediated/vendors';

const runtime = Runtime.start();
await runtime.loadDriver(mttyUrl, { parents: [{ name: 'mtty0' }] });

const uuid = '83b8f4f2-509f-382f-3c1e-e6bfe0fa1001';
const type = '/class/mdev_bus/mtty0/mdev_supported_types/mtty-1';
const create = await openAttribute(runtime.bus, `${type}/create`, 'write');
console.log('bytes taken', await create.write(Buffer.from(`${uuid}\n`)));
await create.write(Buffer.from(uuid)).catch((error) => console.log(error.code));
await create.write(Buffer.from('1234')).catch((error) => console.log(error.code));

const available = await openAttribute(runtime.bus, `${type}/available_instances`, 'read');
console.log('available_instances', String(await available.read()).trim());

const device = attributeDirectory(runtime.bus, `/bus/mdev/devices/${uuid}`);
for (const { path, mode } of (await device?.attributes()) ?? []) console.log(mode.toString(8), path);

const remove = await openAttribute(runtime.bus, `/bus/mdev/devices/${uuid}/remove`, 'write');
await remove.write(Buffer.from('1'));
await remove.write(Buffer.from('1')).catch((error) => console.log(error.code));
await runtime.close();
