/**
 * How a scenario gets from where it is written into the threads that play it: as the text of its function, or as the name
 * of a module.
 */
import { createRequire } from 'node:module';
import { isAbsolute } from 'node:path';
import { pathToFileURL } from 'node:url';
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
  const module = moduleUrl(scenario.module, base);
  return { title, source: undefined, module, name: scenario.name ?? 'default', replacements, parameters };
}

/** Said of a name that a scenario's text knows from around it. */
export const NOT_SEEN = '(a scenario given as a function sees nothing of the module around it; use world.import)';

/** Runs the scenario's function, which declares things in `world`. */
export async function declare(subject: Subject, world: World): Promise<void> {
  const { source, module, name, title } = subject;
  if (source !== undefined) {
    const scenario = compiled(source, title);
    try {
      await scenario(world);
    } catch (error) {
      if (error instanceof ReferenceError) error.message += ` ${NOT_SEEN}`;
      throw error;
    }
    return;
  }
  const exported = (await import(module)) as Record<string, unknown>;
  const scenario = exported[name];
  if (typeof scenario !== 'function') throw new Error(`${module} exports no scenario '${name}'`);
  await scenario(world);
}

/** The function whose text this is. */
function compiled(source: string, title: string): Scenario {
  try {
    return runInThisContext(`(${source})`, { filename: title.replaceAll(/\s+/g, '-') }) as Scenario;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const advice =
      'a scenario travels as its text: give a `function` or an arrow function, no method and nothing bound';
    throw new SyntaxError(`the text of the scenario '${title}' is no function: ${why} (${advice})`, { cause: error });
  }
}

/** Where a scenario's module is: a URL, an absolute path, or a name relative to `base`. */
function moduleUrl(module: string | URL, base: string | URL | undefined): string {
  if (typeof module !== 'string' || URL.canParse(module)) return String(module);
  if (isAbsolute(module)) return pathToFileURL(module).href;
  if (base === undefined)
    throw new Error(`the module '${module}' is relative to nothing: give { base: import.meta.url }`);
  return module.startsWith('.') ? new URL(module, base).href : pathToFileURL(createRequire(base).resolve(module)).href;
}
