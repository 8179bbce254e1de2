/** The numbers of VFIO and a counter of interrupts. Run by packed.e2e.test.ts in an empty project. */
import { InterruptCounter } from '@mediated/vfio';
import { DEVICE_GET_REGION_INFO, regionInfo } from '@mediated/vfio/uapi';

const counter: InterruptCounter = InterruptCounter.create();
const argument = regionInfo.bytes({ argsz: regionInfo.size, index: 3 });
console.log(typeof DEVICE_GET_REGION_INFO, regionInfo.decode(argument).index, typeof counter.wait);
