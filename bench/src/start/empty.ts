/** Exports nothing: what is left of an import's time is the loader's. Imported by the fresh processes of `imports.ts`. */
export {};
