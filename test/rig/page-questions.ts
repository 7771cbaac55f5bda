/** Expressions of JavaScript for `Browser.ask`, about any page. */

export const openAll = `for (const part of document.querySelectorAll('details')) part.open = true`;

/** What is wider than the screen, or cut off at its own edge. */
export const tooWide = (width: number): string => `(() => {
  const all = [...document.querySelectorAll('body, body *:not(.skip)')];
  const isWide = (element) => element.getBoundingClientRect().right > ${width} + 0.5 || element.scrollWidth > ${width};
  const isCut = (element) => element.tagName === 'PRE' && element.scrollWidth > element.clientWidth;
  return all.filter((element) => isWide(element) || isCut(element)).map((element) => element.outerHTML.slice(0, 200));
})()`;

/** What people touch, and how many pixels high it is, if that is less than `least`. */
export const tooSmall = (
  least: number,
): string => `[...document.querySelectorAll('a:not(.skip), button, summary, label, input:not(label input)')]
  .filter((element) => element.checkVisibility())
  .map((element) => [element.outerHTML.slice(0, 200), element.getBoundingClientRect().height])
  .filter(([, height]) => height < ${least})`;

/**
 * The contrast of all texts with what is behind them, as WCAG 2 counts it: [how many texts, those below `least`]. Every colour must be solid.
 */
export const contrasts = (least: number): string => `(() => {
  const read = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = (colour) => {
    const [red, green, blue] = colour.slice(0, 3).map((part) => part / 255).map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const behind = (element) => {
    const colour = read(getComputedStyle(element).backgroundColor);
    return colour[3] === 0 ? behind(element.parentElement) : colour;
  };
  const hasText = (element) => [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim() !== '');
  const texts = [...document.querySelectorAll('body *:not(script)')].filter(hasText);
  const low = texts.flatMap((element) => {
    const [one, other] = [read(getComputedStyle(element).color), behind(element)];
    if (one.length > 3 || other.length > 3) return [[element.outerHTML.slice(0, 200), 'not solid']];
    const [most, fewest] = [light(one), light(other)].sort((a, b) => b - a);
    const contrast = (most + 0.05) / (fewest + 0.05);
    return contrast < ${least} ? [[element.outerHTML.slice(0, 200), contrast]] : [];
  });
  return [texts.length, low];
})()`;
