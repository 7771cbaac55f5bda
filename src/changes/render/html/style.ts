/** The hash of `style` for the page's Content-Security-Policy; a test computes it again. */
export const styleHash = 'sha256-cHv/FD4E8zPayCuDRQr0ho+vXmHMEI+O6ZrBC0xB3l8=';

export const style = `
:root {
  color-scheme: light dark;
  --ground: #ffffff; --raised: #f4f5f7; --line: #d4d8de; --text: #1c2026; --quiet: #555d68; --link: #0a55b0;
  --A: #17632c; --M: #7a4a00; --D: #a31526; --R: #0a55b0; --T: #6a35ad;
  --high: #a31526; --medium: #7a4a00; --low: #0a55b0; --none: #555d68;
  --ins: #e3f4e6; --del: #fbe6e6;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #14171b; --raised: #1e2329; --line: #3a424c; --text: #e7eaee; --quiet: #a5aebb; --link: #7db8ff;
    --A: #6fce83; --M: #e2b04d; --D: #ff8f88; --R: #7db8ff; --T: #cfa8ff;
    --high: #ff8f88; --medium: #e2b04d; --low: #7db8ff; --none: #a5aebb;
    --ins: #16351e; --del: #43191c;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text); font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
header, main, footer { max-width: 70rem; margin: 0 auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 1.25rem 0 .5rem; }
h2 { font-size: 1.2rem; margin: 2rem 0 .75rem; }
h3 { font-size: 1rem; margin: 0; }
a { color: var(--link); }
ul, ol { list-style: none; margin: 0; padding: 0; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; border-radius: 3px; }
.skip { position: absolute; left: -100vw; background: var(--ground); padding: .5rem; }
.skip:focus { left: 0; }
.summary { font-size: 1.1rem; margin: 0 0 .75rem; }
.sums { display: flex; flex-wrap: wrap; gap: .25rem 1rem; }
nav ul { display: flex; gap: 1rem; margin-top: .5rem; }
.quiet, footer { color: var(--quiet); }
footer { font-size: .875rem; padding-bottom: 2rem; margin-top: 2rem; }

.findings > li { border: 1px solid var(--line); border-left: 4px solid var(--line); border-radius: 6px; padding: .6rem .8rem; margin: .5rem 0; }
.findings > .high { border-left-color: var(--high); }
.findings > .medium { border-left-color: var(--medium); }
.findings > .low { border-left-color: var(--low); }
.risk { font-size: .8rem; font-weight: 600; text-transform: uppercase; letter-spacing: .03em; margin-right: .4rem; }
.high .risk { color: var(--high); }
.medium .risk { color: var(--medium); }
.low .risk { color: var(--low); }
.none .risk { color: var(--none); }
.findings p { margin: .2rem 0; }
.paths { padding-left: 1.1rem; font: .875rem/1.6 ui-monospace, monospace; }

form { background: var(--raised); border: 1px solid var(--line); border-radius: 6px; padding: .75rem; margin-bottom: .75rem; }
form[hidden], li[hidden] { display: none; }
form > * { margin: 0 0 .6rem; }
form > :last-child { margin-bottom: 0; }
form label { margin-right: .9rem; white-space: nowrap; display: inline-block; padding: .15rem 0; }
fieldset { border: 0; padding: 0; min-width: 0; }
legend { float: left; margin-right: .9rem; padding: .15rem 0; }
input[type=search] { font: inherit; color: inherit; background: var(--ground); border: 1px solid var(--quiet); border-radius: 4px; padding: .35rem .5rem; width: 100%; display: block; }
.search { display: block; white-space: normal; margin-right: 0; }
button { font: inherit; color: inherit; background: var(--ground); border: 1px solid var(--quiet); border-radius: 4px; padding: .35rem .8rem; margin: 0 .5rem 0 0; cursor: pointer; }

summary { cursor: pointer; padding: .15rem 0 .15rem 1.1rem; text-indent: -1.1rem; }
summary:hover { background: var(--raised); }
.tree ul { margin-left: .45rem; padding-left: .75rem; border-left: 1px solid var(--line); }
.n { font-family: ui-monospace, monospace; font-size: .9rem; }
.w, .c { color: var(--quiet); font-size: .9rem; margin-left: .35rem; }
.c { white-space: nowrap; }
.w strong { color: var(--D); }
summary > b { font-size: .8rem; margin-right: .3rem; }
.A > details > summary > b, .sums .A { color: var(--A); }
.M > details > summary > b, .sums .M { color: var(--M); }
.D > details > summary > b, .sums .D { color: var(--D); }
.R > details > summary > b, .sums .R { color: var(--R); }
.T > details > summary > b, .sums .T { color: var(--T); }
li:target > details > summary { background: var(--raised); outline: 2px solid var(--link); }
dl { margin: .2rem 0 .5rem 1.1rem; font-size: .875rem; display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 0 .75rem; }
dt { color: var(--quiet); }
dd { margin: 0; }
pre { margin: .3rem 0 .75rem 1.1rem; border: 1px solid var(--line); border-radius: 6px; padding: .4rem 0; font: .8125rem/1.45 ui-monospace, monospace; white-space: pre-wrap; word-break: break-all; tab-size: 4; }
pre > * { display: block; text-decoration: none; padding: 0 .6rem; min-height: 1.45em; }
pre ins { background: var(--ins); }
pre del { background: var(--del); }
pre i { color: var(--quiet); font-style: normal; }
`;
