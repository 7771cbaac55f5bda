/** The hash of `style` for the page's Content-Security-Policy; a test computes it again. */
export const styleHash = 'sha256-/KNTmaZEcZ5ta00BAEaTu6McgYQ7gzFjNjKi8qoddkA=';

export const style = `
:root {
  color-scheme: light dark;
  --ground: #ffffff; --raised: #f4f5f7; --line: #d4d8de; --text: #1c2026; --quiet: #555d68; --link: #0a55b0;
  --A: #17632c; --M: #7a4a00; --D: #a31526; --R: #0a55b0; --T: #6a35ad;
  --high: #a31526; --medium: #7a4a00; --low: #0a55b0; --none: #555d68;
  --ins: #e3f4e6; --del: #fbe6e6;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --ground: #14171b; --raised: #1e2329; --line: #3a424c; --text: #e7eaee; --quiet: #a5aebb; --link: #7db8ff;
    --A: #6fce83; --M: #e2b04d; --D: #ff8f88; --R: #7db8ff; --T: #cfa8ff;
    --high: #ff8f88; --medium: #e2b04d; --low: #7db8ff; --none: #a5aebb;
    --ins: #16351e; --del: #43191c;
  }
}
* { box-sizing: border-box; }
html { text-size-adjust: 100%; -webkit-text-size-adjust: 100%; accent-color: var(--link); }
body { margin: 0; background: var(--ground); color: var(--text); font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
header, main, footer { max-width: 70rem; margin: 0 auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 1.5rem 0 .75rem; text-wrap: balance; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .75rem; }
h3 { font-size: 1rem; margin: 1.5rem 0 .5rem; }
h4 { font-size: 1rem; margin: 0; }
a { color: var(--link); }
ul, ol { list-style: none; margin: 0; padding: 0; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; border-radius: 3px; }
.skip { position: absolute; left: -100vw; background: var(--ground); padding: .5rem; }
.skip:focus { left: 0; }
.quiet, footer { color: var(--quiet); }
.c { color: var(--quiet); font-size: .875rem; font-weight: 400; }
.high { --risk: var(--high); }
.medium { --risk: var(--medium); }
.low { --risk: var(--low); }
.none { --risk: var(--none); }
footer { font-size: .875rem; padding-bottom: 2rem; margin-top: 2.5rem; }

nav ul { display: flex; flex-wrap: wrap; gap: .5rem; }
nav a { display: block; border: 1px solid var(--line); border-radius: 6px; padding: .3rem .7rem; color: var(--risk, var(--text)); text-decoration: none; }
nav a:hover, button:hover { border-color: currentcolor; }

h3 { color: var(--risk); }
summary h3 { display: inline; }
.none > details { margin-top: 1.5rem; }
.none .findings { margin-top: .5rem; }
.findings > li { border: 1px solid var(--line); border-left: 4px solid var(--risk); border-radius: 6px; padding: .6rem .9rem; margin: .5rem 0; }
.findings p { margin: .1rem 0 0; font-size: .9375rem; }
.items { margin-top: .4rem; font: .875rem/1.5 ui-monospace, monospace; }
.items a, .items span { display: block; padding: .1rem 0; unicode-bidi: isolate; }
.items summary { color: var(--link); font-family: system-ui, sans-serif; }
.items a:not(:hover) { text-decoration-color: var(--line); }
@media (min-width: 52rem) {
  .findings > li { display: grid; grid-template-columns: minmax(0, 2fr) minmax(0, 3fr); gap: 0 2rem; }
  .items { margin-top: 0; }
}

.sums { display: flex; flex-wrap: wrap; gap: .25rem 1rem; margin-bottom: .75rem; }
form { background: var(--raised); border: 1px solid var(--line); border-radius: 6px; padding: .75rem; margin-bottom: .75rem; }
[hidden] { display: none; }
form > * { margin: 0 0 .6rem; }
form > :last-child { margin-bottom: 0; }
form p { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem; }
label { display: inline-flex; align-items: center; gap: .4rem; margin-right: 1rem; white-space: nowrap; }
fieldset { border: 0; padding: 0; min-width: 0; }
legend { float: left; margin-right: 1rem; }
legend, label { padding: .15rem 0; }
input[type=checkbox] { width: 1.1rem; height: 1.1rem; margin: 0; }
input[type=search] { font: inherit; color: inherit; background: var(--ground); border: 1px solid var(--quiet); border-radius: 6px; padding: .4rem .6rem; width: 100%; }
.search { display: block; margin-right: 0; white-space: normal; }
button { font: inherit; color: inherit; background: var(--ground); border: 1px solid var(--quiet); border-radius: 6px; padding: .35rem .8rem; cursor: pointer; }
@media (min-width: 52rem) {
  form { display: flex; flex-wrap: wrap; align-items: end; gap: .75rem 1.5rem; }
  form > * { margin: 0; }
  .search { flex: 1 1 16rem; }
  fieldset { padding: .3rem 0; }
}

summary { cursor: pointer; padding: .15rem 0 .15rem 1.1rem; text-indent: -1.1rem; }
summary:hover { background: var(--raised); }
summary::marker { color: var(--quiet); }
.tree ul { margin-left: .4rem; padding-left: .8rem; border-left: 1px solid var(--line); }
.tree ul ul ul ul ul ul ul ul { margin-left: 0; padding-left: 0; border: 0; }
.n { font: .9rem ui-monospace, monospace; unicode-bidi: isolate; }
.w { color: var(--quiet); font-size: .875rem; unicode-bidi: isolate; }
.w span { white-space: nowrap; }
dd span { display: inline-block; }
.w strong { color: var(--D); }
summary > .n { margin-right: .3rem; }
summary > b { font-size: .8125rem; margin-right: .2rem; }
summary > .c { white-space: nowrap; }
.A > details > summary > b, .sums .A { color: var(--A); }
.M > details > summary > b, .sums .M { color: var(--M); }
.D > details > summary > b, .sums .D { color: var(--D); }
.R > details > summary > b, .sums .R { color: var(--R); }
.T > details > summary > b, .sums .T { color: var(--T); }
.D > details > summary > .n { text-decoration: line-through var(--quiet); }
.tree li { scroll-margin-top: 1rem; }
li:target > details > summary { background: var(--raised); outline: 2px solid var(--link); border-radius: 3px; }
dl { margin: .2rem 0 .5rem 1.1rem; font-size: .875rem; display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 0 .75rem; }
dt { color: var(--quiet); }
dd { margin: 0; }
pre { margin: .3rem 0 .75rem 1.1rem; border: 1px solid var(--line); border-radius: 6px; overflow: hidden; font: .8125rem/1.45 ui-monospace, monospace; white-space: pre-wrap; tab-size: 4; }
pre > * { display: block; text-decoration: none; padding: 0 .6rem 0 calc(.6rem + 1ch); text-indent: -1ch; min-height: 1.45em; }
pre ins { background: var(--ins); box-shadow: inset 3px 0 var(--A); }
pre del { background: var(--del); box-shadow: inset 3px 0 var(--D); }
pre i { color: var(--quiet); background: var(--raised); font: .8125rem/1.8 system-ui, sans-serif; text-indent: 0; padding: 0 .6rem; }

@media (pointer: coarse) {
  nav a, button, label, input[type=search] { min-height: 2.75rem; }
  nav a, button { padding: .6rem .9rem; }
  legend { line-height: 2.75rem; padding: 0; }
  summary { padding-top: .5rem; padding-bottom: .5rem; }
  .items a, .items span, .items summary { padding-top: .65rem; padding-bottom: .65rem; }
}
@media print {
  nav, form, .skip { display: none; }
  a { color: inherit; text-decoration: none; }
  h2, h3 { break-after: avoid; }
  .findings > li { break-inside: avoid; }
  .items details::details-content { content-visibility: visible; block-size: auto; }
  .items summary { display: none; }
  ins, del { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
`;
