/**
 * How a scenario gets from where it is written into the threads that play it: as the text of its function, or as the name
 * of a module.
 */
import { runInThisContext } from 'node:vm';
import type { Replacement, Scenario, ScenarioModule, Subject, World } from './world.js';

/** Where a scenario comes from, ready to be sent. `base` is what its imports are relative to. */
export function subjectOf(
  title: string,
  scenario: Scenario | ScenarioModule,
  base: string | URL | undefined,
  replacements: readonly Replacement[],
  parameters: Readonly<Record<string, unknown>>,
): Subject {
  if (typeof scenario === 'function') {
    const module = String(base ?? new URL(`file://${process.cwd()}/`));
    return { title, source: scenario.toString(), module, name: '', replacements, parameters };
  }
  const module = String(scenario.module);
  return { title, source: undefined, module, name: scenario.name ?? 'default', replacements, parameters };
}

/** Runs the scenario's function, which declares things in `world`. */
export async function declare(subject: Subject, world: World): Promise<void> {
  const { source, module, name, title } = subject;
  if (source !== undefined) {
    const scenario = runInThisContext(`(${source})`, { filename: title.replaceAll(/\s+/g, '-') }) as Scenario;
    try {
      await scenario(world);
    } catch (error) {
      if (error instanceof ReferenceError) {
        error.message += ' (a scenario given as a function sees nothing of the module around it; use world.import)';
      }
      throw error;
    }
    return;
  }
  const exported = (await import(module)) as Record<string, unknown>;
  const scenario = exported[name];
  if (typeof scenario !== 'function') throw new Error(`${module} exports no scenario ${name}`);
  await scenario(world);
}
