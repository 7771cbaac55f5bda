/** The hash of `script` for the page's Content-Security-Policy; a test computes it again. */
export const scriptHash = 'sha256-I5U1/1L9CnnH8Z+whufE2CdMtAB4XNXWMaFy/Rq3DMk=';

/** The filter. Without it the page is complete, so that it is hidden where no script runs. */
export const script = `
'use strict';
const form = document.getElementById('filter');
const query = document.getElementById('query');
const found = document.getElementById('found');
const items = [...document.querySelectorAll('.tree li')];
const above = new Map(items.map((item) => [item, item.parentElement.closest('li')]));
const paths = new Map();
for (const item of items) paths.set(item, (paths.get(above.get(item)) ?? '/') + item.querySelector('.n').textContent.toLowerCase());
const changes = items.filter((item) => item.className !== '').length;

function filter() {
  const text = query.value.trim().toLowerCase();
  const kinds = new Set([...form.querySelectorAll(':checked')].map((box) => box.value));
  const kept = new Set();
  let count = 0;
  for (const item of items.toReversed()) {
    const isHit = kinds.has(item.className) && paths.get(item).includes(text);
    if (isHit) count += 1;
    item.hidden = !isHit && !kept.has(item);
    if (!item.hidden) kept.add(above.get(item));
    if (text !== '' && kept.has(item)) item.querySelector('details').open = true;
  }
  found.textContent = count === changes ? '' : count + ' of ' + changes + ' changes';
}

function reveal() {
  const target = document.getElementById(location.hash.slice(1));
  if (target === null || !paths.has(target)) return;
  for (let item = target; item; item = above.get(item)) {
    item.hidden = false;
    item.querySelector('details').open = true;
  }
  target.scrollIntoView();
}

function openAll(isOpen) {
  for (const item of items) if (item.querySelector('ul')) item.querySelector('details').open = isOpen;
}

let timer;
form.addEventListener('input', () => {
  clearTimeout(timer);
  timer = setTimeout(filter, 150);
});
form.addEventListener('submit', (event) => event.preventDefault());
document.getElementById('expand').addEventListener('click', () => openAll(true));
document.getElementById('collapse').addEventListener('click', () => openAll(false));
addEventListener('hashchange', reveal);
form.hidden = false;
filter();
reveal();
`;
