/** The report's style sheet: system fonts, two colour schemes, and rules for paper. */
export const STYLE = `:root {
  --ink: #1f2328; --soft: #59636e; --line: #d1d9e0; --page: #ffffff; --panel: #f6f8fa; --link: #0757b8; --best: #e6f4ea;
  color-scheme: light dark;
}
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --soft: #9198a1; --line: #3d444d; --page: #0d1117; --panel: #161b22; --link: #6cb0ff; --best: #12351f; }
  figure svg { filter: invert(0.93) hue-rotate(180deg); }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.55 -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif; }
main { max-width: 74rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 1rem; }
h2 { font-size: 1.35rem; margin: 2.75rem 0 0.75rem; padding-top: 0.75rem; border-top: 1px solid var(--line); }
h3 { font-size: 1.08rem; margin: 1.75rem 0 0.5rem; }
p, ul { max-width: 48rem; margin: 0 0 0.9rem; }
ul { padding-left: 1.3rem; }
a { color: var(--link); }
a:focus-visible, .wide:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
code { font: 0.88em ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; background: var(--panel); padding: 0.1em 0.3em;
  border-radius: 4px; overflow-wrap: anywhere; }
nav ul { columns: 3 14rem; list-style: none; padding: 0; margin: 0 0 1.5rem; max-width: none; font-size: 0.93rem; }
.notice { border-left: 4px solid var(--link); background: var(--panel); padding: 0.6rem 0.9rem; }
.wide { overflow-x: auto; margin: 1.1rem 0 1.4rem; }
table { border-collapse: collapse; font-size: 0.83rem; font-variant-numeric: tabular-nums; min-width: 100%; }
caption { text-align: left; color: var(--soft); font-size: 0.9rem; padding-bottom: 0.45rem; max-width: 48rem; }
th, td { padding: 0.32rem 0.45rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:first-child { text-align: left; white-space: normal; min-width: 13rem; font-weight: 500; }
td.words { white-space: normal; text-align: left; min-width: 16rem; }
thead th { font-weight: 600; color: var(--soft); vertical-align: bottom; }
small { font-size: 0.85em; color: var(--soft); }
tr.best th, tr.best td { background: var(--best); font-weight: 600; }
tr.published th, tr.published td, tr.oracle th, tr.oracle td { color: var(--soft); font-style: italic; }
figure { margin: 1.4rem 0 1.8rem; }
figure svg { width: 100%; max-width: 760px; height: auto; display: block; border-radius: 6px; }
figcaption { color: var(--soft); font-size: 0.9rem; max-width: 48rem; margin-top: 0.4rem; }
@media (max-width: 40rem) { main { padding: 1.25rem 0.9rem 3rem; } h1 { font-size: 1.5rem; } }
@media print {
  :root { --ink: #000; --soft: #444; --line: #bbb; --page: #fff; --panel: #f4f4f4; --link: #000; --best: #eee; }
  figure svg { filter: none; }
  body { font-size: 10pt; }
  main { max-width: none; padding: 0; }
  nav { display: none; }
  h2, h3, caption { break-after: avoid; }
  figure, tr { break-inside: avoid; }
  .wide { overflow: visible; }
  table { font-size: 7.2pt; }
  th, td { padding: 0.2rem 0.3rem; }
  th:first-child { min-width: 0; }
}
`;
