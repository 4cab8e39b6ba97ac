"""The style of the page of usage: light and dark, from 360 pixels on, and on paper."""

STYLE = """
:root {
  color-scheme: light dark;
  --ground: #f4f6f8; --card: #ffffff; --line: #d9dfe6; --grid: #e6eaef;
  --ink: #18212b; --quiet: #53606e; --track: #e9edf2;
  --complete: #2767c9; --cut: #b8560b; --refused: #7b4bb5;
  --warn-ground: #fff4e0; --warn-line: #c77a12;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #0e1318; --card: #171e26; --line: #2c3641; --grid: #26303a;
    --ink: #e8edf2; --quiet: #a3b0bd; --track: #26303a;
    --complete: #6aa5f8; --cut: #f0a04b; --refused: #c39bf2;
    --warn-ground: #33260f; --warn-line: #d9983a;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0; background: var(--ground); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans",
    sans-serif;
}
main, header, footer { max-width: 68rem; margin: 0 auto; padding: 0 1rem; }
header { padding-top: 2rem; }
h1 {
  font-size: clamp(1.5rem, 1.2rem + 1.6vw, 2.1rem); line-height: 1.2; margin: 0;
  letter-spacing: -.01em;
}
h2 { font-size: 1.15rem; line-height: 1.3; margin: 0; }
h3 { font-size: 1rem; margin: 1.75rem 0 0; }
p { margin: .25rem 0 0; max-width: 46rem; }
.quiet, footer { color: var(--quiet); }
.number { font-variant-numeric: tabular-nums; }
section, .notice, .figures > div {
  background: var(--card); border: 1px solid var(--line); border-radius: .75rem;
}
section { padding: 1.25rem; margin: 1rem 0; }
.notice {
  background: var(--warn-ground); border-color: var(--warn-line); padding: .75rem 1.25rem;
  margin: 1rem 0 0; max-width: none;
}
.figures { display: grid; grid-template-columns: repeat(5, 1fr); gap: .75rem; margin: 1.25rem 0 0; }
.figures > div {
  background: var(--card); border: 1px solid var(--line); border-radius: .75rem;
}
section { padding: 1.25rem; margin: 1rem 0; }
.notice {
  background: var(--warn-ground); border-color: var(--warn-line); padding: .75rem 1.25rem;
  margin: 1rem 0 0; max-width: none;
}
.figures {
  display: grid; grid-template-columns: repeat(auto-fit, minmax(9.25rem, 1fr)); gap: .75rem;
  margin: 1.25rem 0 0;
}
.figures > div { padding: .9rem 1rem; display: flex; flex-direction: column; }
.figures dt { color: var(--quiet); font-size: .875rem; }
.figures dd { margin: 0; }
.figures .value { font-size: 1.5rem; line-height: 1.3; font-weight: 650; letter-spacing: -.01em; }
.figures .exact { color: var(--quiet); font-size: .8125rem; overflow-wrap: anywhere; }
.chart {
  display: grid; grid-template-columns: auto 1fr; column-gap: .6rem; margin: 1rem 0 0;
  padding-right: .9rem;
}
.scale {
  display: flex; flex-direction: column; justify-content: space-between; height: 13rem;
  margin: -.6rem 0; text-align: right;
}
.scale, .times {
  color: var(--quiet); font-size: .8125rem; line-height: 1.2rem; white-space: nowrap;
}
.plot {
  display: block; width: 100%; height: 11.8rem; border-bottom: 1px solid var(--quiet);
  overflow: visible;
}
.plot line { stroke: var(--grid); stroke-width: 1; vector-effect: non-scaling-stroke; }
.times { grid-column: 2; position: relative; height: 1.4rem; margin-top: .4rem; }
.times span { position: absolute; transform: translateX(-50%); }
.complete { fill: var(--complete); background: var(--complete); }
.cut { fill: var(--cut); background: var(--cut); }
.refused { fill: var(--refused); background: var(--refused); }
.plot g:hover rect { opacity: .75; }
.shares {
  display: flex; gap: 2px; height: 1.75rem; margin: 1rem 0 0; border-radius: .4rem;
  overflow: hidden; background: var(--track);
}
.shares span { min-width: 3px; }
.legend {
  list-style: none; display: flex; flex-wrap: wrap; gap: .4rem 1.75rem; margin: .75rem 0 0;
  padding: 0;
}
.legend li { display: flex; align-items: baseline; gap: .5rem; }
.legend .mark { width: .75rem; height: .75rem; border-radius: .2rem; flex: none; }
.ranks { list-style: none; margin: 1rem 0 0; padding: 0; display: grid; gap: .8rem; }
.ranks div { display: flex; flex-wrap: wrap; justify-content: space-between; column-gap: 1rem; }
.ranks .name {
  font: .875rem/1.5 ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace;
  overflow-wrap: anywhere;
}
.track {
  display: block; height: .6rem; border-radius: .3rem; background: var(--track);
  margin-top: .15rem; overflow: hidden;
}
.track span { display: block; height: 100%; min-width: 2px; border-radius: .3rem; }
details { margin-top: 1.1rem; }
summary {
  cursor: pointer; color: var(--quiet); font-size: .875rem; padding: .25rem 0;
  width: fit-content;
}
summary:hover { color: var(--ink); }
:focus-visible { outline: 2px solid var(--complete); outline-offset: 2px; border-radius: .2rem; }
.scroll { overflow-x: auto; margin-top: .5rem; }
table { border-collapse: collapse; width: 100%; font-size: .875rem; }
th, td {
  padding: .35rem .75rem; text-align: right; white-space: nowrap;
  border-bottom: 1px solid var(--line);
}
th:first-child { text-align: left; padding-left: 0; }
th:last-child, td:last-child { padding-right: 0; }
thead th { color: var(--quiet); font-weight: 600; }
tbody th { font-weight: 400; }
tfoot th, tfoot td { font-weight: 650; border-bottom: 0; }
.meanings {
  display: grid; grid-template-columns: minmax(7rem, auto) 1fr; gap: .35rem 1.25rem;
  margin: .9rem 0 0;
}
.meanings dt { font-weight: 600; }
.meanings dd { margin: 0; color: var(--quiet); }
footer { padding-top: .25rem; padding-bottom: 2.5rem; font-size: .875rem; }
@media (max-width: 60rem) {
  .figures { grid-template-columns: repeat(6, 1fr); }
  .figures > div { grid-column: span 2; }
  .figures > :nth-child(-n + 2) { grid-column: span 3; }
  table { font-size: .8125rem; }
  th, td { padding: .35rem .5rem; }
}
@media (max-width: 30rem) {
  .figures > div, .figures > :nth-child(2) { grid-column: span 3; }
  .figures .value { font-size: 1.35rem; }
  section { padding: 1rem; }
  .figures > :first-child { grid-column: 1 / -1; }
  .meanings { grid-template-columns: 1fr; gap: 0; }
  .meanings dd { margin-bottom: .6rem; }
}
@media print {
  body { background: #fff; }
  section { break-inside: avoid; }
}
"""
