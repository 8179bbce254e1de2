/** Modules that a description names by URL: models and reset functions. Called when a driver starts on a thread. */
import { MediatedError } from '@mediated/core';

/** The default export of a module. EINVAL: it does not load; `what` names it. */
export async function loadDefault(url: string, what: string): Promise<unknown> {
  try {
    return ((await import(url)) as { default?: unknown }).default;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new MediatedError('EINVAL', `${what}, ${url}, does not load: ${reason}`, { syscall: 'loadDriver', cause });
  }
}

/** The factories of the models that devices name, by URL. EINVAL: one does not load or exports no function. */
export async function loadModels<Factory>(
  devices: readonly { readonly name: string; readonly model?: string | undefined }[],
): Promise<ReadonlyMap<string, Factory>> {
  const models = new Map<string, Factory>();
  for (const { name, model } of devices) {
    if (model === undefined || models.has(model)) continue;
    const factory = await loadDefault(model, `the model of ${name}`);
    if (typeof factory !== 'function') {
      throw new MediatedError('EINVAL', `${model} exports no model as its default`, { syscall: 'loadDriver' });
    }
    models.set(model, factory as Factory);
  }
  return models;
}
