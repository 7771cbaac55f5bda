const nsPerSecond = 1_000_000_000n;
const secondsPerDay = 86_400n;

/** A time in ISO 8601, in UTC and with nanoseconds. A year that has not four digits has six and a sign. */
export function showTime(ns: bigint): string {
  const seconds = floorDivide(ns, nsPerSecond);
  const days = floorDivide(seconds, secondsPerDay);
  const ofDay = Number(seconds - days * secondsPerDay);
  const two = (value: number): string => String(value).padStart(2, '0');
  const time = [Math.floor(ofDay / 3600), Math.floor(ofDay / 60) % 60, ofDay % 60].map(two).join(':');
  return `${showDate(Number(days))}T${time}.${String(ns - seconds * nsPerSecond).padStart(9, '0')}Z`;
}

function floorDivide(value: bigint, by: bigint): bigint {
  return value / by - (value % by < 0n ? 1n : 0n);
}

const daysPerYear = 365.2425;

function showDate(days: number): string {
  let year = 1970 + Math.floor(days / daysPerYear);
  while (daysBefore(year) > days) year -= 1;
  while (daysBefore(year + 1) <= days) year += 1;
  let rest = days - daysBefore(year);
  let month = 0;
  for (const length of monthLengths(year)) {
    if (rest < length) break;
    rest -= length;
    month += 1;
  }
  return `${showYear(year)}-${String(month + 1).padStart(2, '0')}-${String(rest + 1).padStart(2, '0')}`;
}

/** Days from 1970 to the beginning of a year. */
function daysBefore(year: number): number {
  return 365 * (year - 1970) + leapDaysBefore(year) - leapDaysBefore(1970);
}

function leapDaysBefore(year: number): number {
  return Math.floor((year - 1) / 4) - Math.floor((year - 1) / 100) + Math.floor((year - 1) / 400);
}

function monthLengths(year: number): readonly number[] {
  return [31, 28 + leapDaysBefore(year + 1) - leapDaysBefore(year), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
}

function showYear(year: number): string {
  if (year >= 0 && year <= 9999) return String(year).padStart(4, '0');
  return `${year < 0 ? '-' : '+'}${String(Math.abs(year)).padStart(6, '0')}`;
}
