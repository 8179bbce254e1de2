// @ts-check
/**
 * `pnpm docs:api`: the API reference, a page per entry and export of every published package, in `api/reference` (not kept in
 * git). Fails on a warning: a link in a comment that leads nowhere, a file that does not compile.
 */
import { fileURLToPath } from 'node:url';
import { Application, Converter, ReflectionKind } from 'typedoc';
import { publishedEntries } from './entries.mjs';

const entries = await publishedEntries();
const source = new Map(entries.map((entry) => [entry.source, entry.specifier]));

const application = await Application.bootstrap({
  name: 'Mediated',
  entryPoints: [...source.keys()],
  // Packages see each other's sources, so that their types are linked.
  compilerOptions: { paths: Object.fromEntries(entries.map(({ specifier, source: file }) => [specifier, [file]])) },
  tsconfig: fileURLToPath(new URL('tsconfig.reference.json', import.meta.url)),
  out: fileURLToPath(new URL('reference/', import.meta.url)),
  readme: 'none',
  excludePrivate: true,
  excludeInternal: true,
  disableSources: true,
  treatWarningsAsErrors: true,
  validation: { notExported: true, invalidLink: true, invalidPath: true, rewrittenLink: true },
});
application.converter.on(Converter.EVENT_CREATE_DECLARATION, (context, reflection) => {
  if (!reflection.kindOf(ReflectionKind.Module)) return;
  const file = context.getSymbolFromReflection(reflection)?.declarations?.[0]?.getSourceFile().fileName;
  reflection.name = source.get(file ?? '') ?? reflection.name;
});
const project = await application.convert();
if (project === undefined) process.exit(1);
application.validate(project);
if (application.logger.hasErrors() || application.logger.hasWarnings()) process.exit(1);
await application.generateOutputs(project);
