/** How the page looks, in light and in dark, wide and narrow. Used by `page.ts`. */

export const STYLE = `
:root {
  color-scheme: light dark;
  --paper: #ffffff; --ink: #1f2430; --faint: #d5d9e0; --mark: #c2410c; --link: #1d4ed8;
  --series-1: #1d4ed8; --series-2: #c2410c; --series-3: #15803d; --series-4: #7e22ce;
  --series-5: #0e7490; --series-6: #a16207; --series-7: #be185d;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14171d; --ink: #e3e6ec; --faint: #3a404b; --mark: #fb923c; --link: #93b4ff;
    --series-1: #7aa5ff; --series-2: #fb923c; --series-3: #4ade80; --series-4: #c99bff;
    --series-5: #4cc9e6; --series-6: #e5c04b; --series-7: #f48fc0;
  }
}
body { background: var(--paper); color: var(--ink); font: 16px/1.5 sans-serif; margin: 0 auto; max-width: 87rem; padding: 1rem; }
a { color: var(--link); }
code { white-space: nowrap; }
nav a { display: inline-block; margin-right: 0.6rem; }
h2 { border-top: 1px solid var(--faint); margin-top: 2.5rem; padding-top: 1rem; }
p { max-width: 46rem; }
@media (min-width: 70rem) { .beside { display: grid; grid-template-columns: 680px minmax(0, 1fr); column-gap: 2rem; } }
.machines { display: flex; flex-wrap: wrap; gap: 1rem; }
figure { flex: 1 1 600px; margin: 0; min-width: 0; max-width: min(680px, 100%); }
figcaption { font-weight: bold; }
.picture { overflow-x: auto; }
.picture svg { display: block; width: 100%; min-width: 480px; max-width: 680px; height: auto; }
.table { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.875rem; margin: 0.5rem 0; }
th, td { border-bottom: 1px solid var(--faint); padding: 0.2rem 0.8rem 0.2rem 0; text-align: left; vertical-align: top; }
td { font-variant-numeric: tabular-nums; white-space: nowrap; }
td:last-child { white-space: normal; min-width: 14rem; }
.note { font-style: italic; }
summary { cursor: pointer; }
`;
