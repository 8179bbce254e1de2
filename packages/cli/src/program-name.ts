/** How this program is called here, for what it says to do next. Pure. */

/** From a clone of the repository it is a script of pnpm. */
export function programName(environment: Readonly<Record<string, string | undefined>> = process.env): string {
  return environment.npm_lifecycle_event === 'mediated' ? 'npx -y pnpm@12 mediated' : 'mediated';
}
