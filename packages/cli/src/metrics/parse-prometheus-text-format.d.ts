/** Types of the parser that the tests read metrics with; it has none of its own. */
declare module 'parse-prometheus-text-format' {
  function parsePrometheusTextFormat(
    text: string,
  ): { readonly name: string; readonly type: string; readonly metrics: readonly unknown[] }[];
  export = parsePrometheusTextFormat;
}
