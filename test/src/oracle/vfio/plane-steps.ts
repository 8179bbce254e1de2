/** Steps of a program that looks at a display: planes, modes that a guest sets, dma-bufs. */
import { DEVICE_GET_GFX_DMABUF, DEVICE_QUERY_GFX_PLANE, GFX_PLANE_FLAGS, gfxPlaneInfo } from '@mediated/vfio/uapi';
import { attempt, int } from './attempt.js';
import type { Session } from './session.js';
import type { Subject } from './subject.js';
import { type Answer, Skip, type Step } from './step.js';

/** Numbers of the DISPI registers of Bochs' graphics card, by the names of arguments; they lie in region 2. */
const DISPI: readonly (readonly [name: string, register: number])[] = [
  ['xres', 1],
  ['yres', 2],
  ['bpp', 3],
  ['enable', 4],
  ['virt_w', 6],
  ['virt_h', 7],
  ['y_off', 9],
];
const DISPI_REGION = 2;
const DISPI_BASE = 0x500;
const PAGE = 4096;

/** The dma-buf that a program got last. */
const buffers = new WeakMap<Session, number>();

export async function planeStep(session: Session, step: Step): Promise<Answer | undefined> {
  const { words } = step;
  if (!/^(QUERY_GFX_PLANE|GET_GFX_DMABUF|dmabuf: )/.test(words) || step.type === undefined) return undefined;
  const subject = await session.subject(step.type);
  const device = await session.device(subject);
  const { program } = session;
  if (/^dmabuf: /.test(words)) return lookAtBuffer(session);
  if (/^GET_GFX_DMABUF/.test(words)) {
    const ret = await attempt(() => program.ioctl(device, DEVICE_GET_GFX_DMABUF, int(step.number('id'))));
    if (ret < 0) return { ret };
    buffers.set(session, ret);
    return { ret: 0 };
  }
  if (/\bmode$/.test(words)) await setMode(session, subject, device, step);
  const argument = gfxPlaneInfo.bytes({
    argsz: Number(/argsz (\d+)/.exec(words)?.[1] ?? gfxPlaneInfo.size),
    flags: step.number('flags', GFX_PLANE_FLAGS.dmabuf),
    drm_plane_type: step.number('plane_type', step.number('drm_plane_type')),
  });
  const ret = await attempt(() => program.ioctl(device, DEVICE_QUERY_GFX_PLANE, argument));
  const plane = gfxPlaneInfo.decode(argument);
  const { drm_format: format, drm_format_mod: mod, width: w, height: h, stride, size, region_index: id } = plane;
  const { x_pos: x, y_pos: y, x_hot: xh, y_hot: yh } = plane;
  return { ret, out: { format, mod, w, h, stride, size, x, y, xh, yh, id } };
}

async function setMode(session: Session, subject: Subject, device: number, step: Step): Promise<void> {
  const { offset } = await session.region(subject, DISPI_REGION);
  for (const [name, register] of DISPI) {
    const value = new Uint8Array(Uint16Array.of(step.number(name)).buffer);
    await session.program.pwrite(device, value, offset + DISPI_BASE + 2 * register);
  }
}

/** Its size, and what mapping it for writing gives; then it is closed. */
async function lookAtBuffer(session: Session): Promise<Answer> {
  const { program } = session;
  const buffer = buffers.get(session);
  if (buffer === undefined) throw new Skip('the recording does not show which dma-buf is open');
  const ret = await attempt(() => program.size(buffer));
  const mmap = await attempt(() => program.mmap(buffer, PAGE, 0).then(() => 0));
  await program.close(buffer);
  buffers.delete(session);
  return { ret, out: { mmap } };
}
