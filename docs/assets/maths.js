/* Sets formulas when a page is shown, and again when the theme has swapped in another one. */
const typeset = (where) =>
  renderMathInElement(where, {
    delimiters: [
      { left: "\\(", right: "\\)", display: false },
      { left: "\\[", right: "\\]", display: true },
    ],
    throwOnError: false,
  });

typeset(document.body);
if (typeof document$ !== "undefined") {
  document$.subscribe(({ body }) => typeset(body));
}
