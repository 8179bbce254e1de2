/** Profiles of GPUs: shown in docs/drivers/vgpu.md. Run by pages.test.ts. */
import { Runtime } from '@mediated/core';
import { vgpuUrl } from '@mediated/vendors';

await using runtime = Runtime.start();
await runtime.loadDriver(vgpuUrl, { threads: 2, options: { profile: 'm10' } });
const [first, second] = runtime.bus.parents();
console.log(runtime.bus.parents().length, 'GPUs, the first:', first.path);
console.log(first.type('nvidia-39').name, '-', (await first.description('nvidia-39')).trim());

const vgpu = await first.create('nvidia-39');
for (const type of ['nvidia-39', 'nvidia-41']) {
  const [here, there] = [await first.availableInstances(type), await second.availableInstances(type)];
  console.log(type, here, 'on the first,', there, 'on the second');
}
await first.create('nvidia-41').catch((error) => console.log(error.message));
await vgpu.storeAttribute('nvidia/vgpu_params', 'frame_rate_limiter=0\n');
console.log((await first.showAttribute('vgpu/resources')).trim());

// One of your own: two kinds of slices of a card.
const profile = {
  name: 'acme',
  resources: { framebuffer: 24_576, encoders: 3 },
  parents: [{ name: 'acme0' }],
  types: [
    { name: 'desk', prettyName: 'ACME Desk', framebuffer: 2048, description: 'a desktop of 2 GiB' },
    { name: 'studio', prettyName: 'ACME Studio', framebuffer: 8192, needs: { encoders: 1 } },
  ],
  attributes: { 'acme/serial': { value: 'ACME-{uuid}' } },
};
await runtime.loadDriver(vgpuUrl, { options: { profile } });
const acme = runtime.bus.parent('acme0');
await acme.create('acme-studio');
console.log(await acme.availableInstances('acme-studio'), await acme.availableInstances('acme-desk'));

const wrong = { ...profile, name: 'wrong', types: [{ name: 'desk', framebufer: 2048 }] };
await runtime.loadDriver(vgpuUrl, { options: { profile: wrong } }).catch((error) => console.log(error.message));
