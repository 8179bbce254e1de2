/** A network interface for the page of vfio-fsl-mc: it knows one command, and an interrupt. */
import { defineMcModel, MC_STATUS, mcCommand, withMcStatus } from '@mediated/vfio/fsl-mc';

const ENABLE = 0x002;

export default defineMcModel((dpni) => ({
  command(_region, words) {
    const known = mcCommand(words[0]) === ENABLE;
    if (known) dpni.raise(0);
    return words.with(0, withMcStatus(words[0], known ? MC_STATUS.ok : MC_STATUS.unsupported));
  },
}));
