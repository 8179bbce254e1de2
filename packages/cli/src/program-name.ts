/** How this program is called here, for what it says to do next. Pure. */

/** From a clone of the repository it is a script of pnpm, in a project with the package a program that npx finds. */
export function programName(environment: Readonly<Record<string, string | undefined>> = process.env): string {
  const { npm_lifecycle_event: event, npm_lifecycle_script: script = '' } = environment;
  if (event === 'mediated') return 'npx -y pnpm@12 mediated';
  return event === 'npx' && /^'?mediated\b/.test(script) ? 'npx mediated' : 'mediated';
}
